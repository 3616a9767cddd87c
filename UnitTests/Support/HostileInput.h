// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a broken or malicious client may send, made from a JSON Schema: for the tests of the router and for
// those that call every route of a running server by its OpenAPI description. The same seed makes the same
// inputs.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <string>
#include <vector>

namespace OrthancClinic::Testing
{
struct HostileDocument
{
  std::string what;  // for the message of a failing test: "names[0].family: wrong type"
  std::string text;  // the bytes of the body, which need not be JSON or UTF-8
  // Whether no server may accept it. Otherwise it conforms to the schema, and is only unpleasant: markup,
  // SQL, extreme numbers and the like, which must be treated as any other value.
  bool mustBeRefused = true;
};

// A small document that conforms to `schema`, for the keywords that JsonSchema knows, except `not`. A string
// with a `pattern` needs `default`, `examples` or `enum` beside it.
Json::Value ConformingDocument(const Json::Value& schema);

// At every place of a conforming document: other types, values out of range, texts too long, too short,
// broken or full of markup, missing and unknown keys, too many items; and the whole document cut, nested too
// deeply, doubled, not UTF-8 …, plus `random` byte-wise mutations (of these, whether they are refused is not
// known: mustBeRefused is false).
std::vector<HostileDocument> HostileDocuments(const Json::Value& schema, uint32_t seed, size_t random = 50);

// For path and query parameters, decoded.
std::vector<std::string> HostileTexts();

// An object of this study whose sequences are nested 300,000 times: DCMTK, which Orthanc reads DICOM with,
// ends the process over it.
std::string NestedDicom(const std::string& studyUid);

// `text` as it goes into a URL: everything but letters, digits and -._~ in percent notation.
std::string PercentEncode(const std::string& text);
}  // namespace OrthancClinic::Testing
