// SPDX-License-Identifier: GPL-3.0-or-later
//
// The errors that cross a room's border. Each says what was wrong in a sentence that a person can act on, and
// never carries patient data or a secret. Rest turns them into HTTP statuses, Host into Orthanc's error
// codes.

#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "Core/Api.h"

namespace OrthancClinic
{
// The base of all of them: what ends an operation and can be told to the caller.
class ORTHANC_CLINIC_API Error : public std::runtime_error
{
public:
  using std::runtime_error::runtime_error;
};

// A field of a document that was refused: `field` is its path ("names[0].family"), `message` says what was
// expected.
struct FieldError
{
  std::string field;
  std::string message;
};

// The caller's input is wrong; the same call can never succeed.
class ORTHANC_CLINIC_API BadInput : public Error
{
public:
  explicit BadInput(const std::string& message, std::vector<FieldError> fields = {})
      : Error(message), fields_(std::move(fields))
  {
  }

  const std::vector<FieldError>& Fields() const { return fields_; }

private:
  std::vector<FieldError> fields_;
};

// What the caller named does not exist.
class ORTHANC_CLINIC_API NotFound : public Error
{
public:
  using Error::Error;
};

// The call contradicts the present state (an older version, a value that must be unique, an illegal
// transition).
class ORTHANC_CLINIC_API Conflict : public Error
{
public:
  using Error::Error;
};

// A later version is stored already: this one has been overtaken, and need not come again.
class ORTHANC_CLINIC_API Outdated : public Conflict
{
public:
  using Conflict::Conflict;
};

// The caller is known, but may not do this.
class ORTHANC_CLINIC_API Forbidden : public Error
{
public:
  using Error::Error;
};

// Something that we depend on (the database, Orthanc, another server) cannot serve now; the same call may
// succeed later.
class ORTHANC_CLINIC_API Unavailable : public Error
{
public:
  // `retryAfter`: how long the other side asked to be left alone, if it did.
  explicit Unavailable(const std::string& message, std::optional<std::chrono::seconds> retryAfter = {})
      : Error(message), retryAfter_(retryAfter)
  {
  }

  std::optional<std::chrono::seconds> RetryAfter() const { return retryAfter_; }

private:
  std::optional<std::chrono::seconds> retryAfter_;
};

// Another server was asked, and did not answer in time.
class ORTHANC_CLINIC_API TimedOut : public Unavailable
{
public:
  explicit TimedOut(const std::string& message) : Unavailable(message) {}
};
}  // namespace OrthancClinic
