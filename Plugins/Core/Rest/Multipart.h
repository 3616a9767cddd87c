// SPDX-License-Identifier: GPL-3.0-or-later
//
// The parts of a multipart body (RFC 2046 s. 5.1), as DICOMweb and forms send them.

#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "Core/Api.h"

namespace OrthancClinic
{
// Reads a body piece by piece, whatever its size, in memory for one piece.
class ORTHANC_CLINIC_API MultipartReader
{
public:
  struct Handlers
  {
    std::function<void(const std::map<std::string, std::string>& headers)> begin;  // names in lower case
    std::function<void(std::string_view)> data;  // some bytes of the part; they live until it returns
    std::function<void()> end;
  };

  // Throws BadInput if `contentType` names no boundary.
  MultipartReader(const std::string& contentType, Handlers handlers);

  // Throws BadInput if the body is not what it says, and what a handler throws.
  void Add(std::string_view bytes);

  // Throws BadInput if the last part has not ended.
  void Finish() const;

private:
  enum class State
  {
    Preamble,
    Delimiter,  // the rest of its line
    Head,
    Body,
    Epilogue
  };

  // Takes what it can from the front of `bytes`; false if it needs more of them.
  bool Step(std::string_view& bytes);

  std::string delimiter_;  // with the line's end before it
  Handlers handlers_;
  State state_ = State::Preamble;
  std::string held_;  // seen, and not yet taken
  size_t parts_ = 0;
};

struct MultipartPart
{
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// Throws BadInput as MultipartReader does.
ORTHANC_CLINIC_API std::vector<MultipartPart> ParseMultipart(const std::string& contentType,
                                                             std::string_view body);

// A parameter of a header's value ("boundary" of `multipart/related; boundary="x"`), without its quotes;
// empty without it. `name` in lower case.
ORTHANC_CLINIC_API std::string HeaderParameter(const std::string& value, const std::string& name);
}  // namespace OrthancClinic
