// SPDX-License-Identifier: GPL-3.0-or-later
//
// JSON text to values and back. JsonCpp holds the values; nlohmann's reader fills them, because JsonCpp's
// takes "01", raw control characters, lone surrogates and broken UTF-8 even in its strict mode.

#pragma once

#include <json/value.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "Core/Api.h"

namespace OrthancClinic
{
// Parses UTF-8 JSON strictly (RFC 8259): one document, no comments, no trailing content, no byte order mark,
// at most `maxDepth` levels of arrays and objects, valid UTF-8 and no U+0000 in any string or key, no
// duplicate keys. Throws BadInput with the line and column, never with the text itself. A whole number
// becomes an Int64, any other number, or one outside of int64, a double; one outside of double is refused.
ORTHANC_CLINIC_API Json::Value ParseJson(std::string_view text, unsigned maxDepth = 64);

// For schemas written as literals in the code: throws std::logic_error when `text` is no JSON.
ORTHANC_CLINIC_API Json::Value JsonLiteral(std::string_view text);

// Compact UTF-8 without a trailing newline; keys sorted, non-ASCII characters kept as they are, doubles in
// the shortest form that reads back as the same double, NaN and infinities as null. Two values that are equal
// in JSON's sense (1 and 1.0) are written alike.
ORTHANC_CLINIC_API std::string WriteJson(const Json::Value& value);

// The elements of an array of strings; none for null.
ORTHANC_CLINIC_API std::vector<std::string> Texts(const Json::Value& array);

// The text that an object has under this name; empty if it has none, or is no object.
ORTHANC_CLINIC_API std::string TextOf(const Json::Value& object, std::string_view name);

// The text, or null where there is none.
ORTHANC_CLINIC_API Json::Value OrNull(const std::string& text);

// How many characters (code points) `text` has; nothing if it is not valid UTF-8.
ORTHANC_CLINIC_API std::optional<size_t> CountCodePoints(std::string_view text);

// `text` for a message: cut after `most` code points, "?" if it is not valid UTF-8 or has a control
// character.
ORTHANC_CLINIC_API std::string Abbreviate(std::string_view text, size_t most = 64);
}  // namespace OrthancClinic
