// SPDX-License-Identifier: GPL-3.0-or-later
//
// Checks a JSON document against a JSON Schema (draft 7) and says what is wrong in words that a person can
// act on: the path of the value, what was found and what was expected.
//
// Keywords: type, enum, const; minimum, maximum, exclusiveMinimum, exclusiveMaximum; minLength, maxLength,
// pattern, format; items (one schema), minItems, maxItems, uniqueItems; properties, required,
// additionalProperties, propertyNames, minProperties, maxProperties; allOf, anyOf, oneOf, not; and the
// annotations (title, description, default, examples, readOnly, writeOnly, deprecated, x-…). Any other
// keyword or format is refused when the schema is compiled, so that nobody relies on a check that does not
// happen. Formats: date-time (RFC 3339), date, partial-date (YYYY, YYYY-MM or YYYY-MM-DD), dicom-date,
// dicom-uid and ae-title.
//
// It is our own and not valijson (which the tests use as the oracle of what conforms): valijson runs
// std::regex, which overflows the stack on a long string, converts integers by way of int and throws beyond,
// and tells neither the keyword that failed nor what it wanted.

#pragma once

#include <json/value.h>

#include <memory>
#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API JsonSchema
{
public:
  // Compiles `schema`; throws std::logic_error if it is not a schema of the above kind (our own mistake).
  explicit JsonSchema(Json::Value schema);
  ~JsonSchema();
  JsonSchema(JsonSchema&&) noexcept;
  JsonSchema& operator=(JsonSchema&&) noexcept;

  // The document that it was made from, as it goes into the OpenAPI description.
  const Json::Value& Document() const;

  // Every violation (the first hundred), in the order of the paths; empty when `value` conforms. A path is
  // written as "names[0].family" (the root is ""). Messages name the expected type, range, set of values or
  // keys, and for an unknown key the known ones; they never contain the offending value itself. What conforms
  // to "integer" is safe to read with asInt64: one outside of int64 does not conform. Strings that are not
  // valid UTF-8 do not conform to anything that looks at strings. Thread-safe.
  std::vector<FieldError> Validate(const Json::Value& value) const;

private:
  struct Pimpl;
  std::unique_ptr<Pimpl> pimpl_;
};

// What `schema` expects, in words ("an integer from 1 to 65535", "one of: patient, lead", "a string or
// null").
ORTHANC_CLINIC_API std::string DescribeSchema(const Json::Value& schema);
}  // namespace OrthancClinic
