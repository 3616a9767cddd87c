// SPDX-License-Identifier: GPL-3.0-or-later
//
// Checks a JSON document against a JSON Schema (draft 7) and says what is wrong in words that a person can act on:
// the path of the value, what was found and what was expected.

#pragma once

#include <json/value.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "Core/Api.h"
#include "Core/Errors.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API JsonSchema
{
public:
  // Compiles `schema`; throws std::logic_error if it is not a schema (our own mistake).
  explicit JsonSchema(Json::Value schema);
  ~JsonSchema();
  JsonSchema(JsonSchema&&) noexcept;
  JsonSchema& operator=(JsonSchema&&) noexcept;

  // The document that it was made from, as it goes into the OpenAPI description.
  const Json::Value& Document() const;

  // Every violation, in the order of the document; empty when `value` conforms. A path is written as
  // "names[0].family" (the root is ""). Messages name the expected type, range, set of values or keys, and for an
  // unknown key the known ones; they never contain the offending value itself. Thread-safe.
  std::vector<FieldError> Validate(const Json::Value& value) const;

private:
  struct Pimpl;
  std::unique_ptr<Pimpl> pimpl_;
};

// Parses UTF-8 JSON strictly: one document, no comments, no trailing content, at most `maxDepth` levels, valid UTF-8
// and no U+0000 in any string or key, no duplicate keys. Throws BadInput with the line and column.
ORTHANC_CLINIC_API Json::Value ParseJson(std::string_view text, unsigned maxDepth = 64);

// For schemas written as literals in the code: throws std::logic_error when `text` is no JSON.
ORTHANC_CLINIC_API Json::Value JsonLiteral(std::string_view text);

// Compact UTF-8 without a trailing newline; non-ASCII characters are kept as they are.
ORTHANC_CLINIC_API std::string WriteJson(const Json::Value& value);
}  // namespace OrthancClinic
