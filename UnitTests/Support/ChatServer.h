// SPDX-License-Identifier: GPL-3.0-or-later
//
// A server of OpenAI's chat completions as strict as the real one: it checks the request against the
// published schema (platform.openai.com/docs/api-reference/chat/create), decodes the images it is given, and
// then answers, or misbehaves as the test says. What it refuses is a 400 and is kept for the test to see.

#pragma once

#include <json/value.h>

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "Support/HttpServer.h"

namespace OrthancClinic::Testing
{
class ChatServer
{
public:
  enum class Mood
  {
    Good,
    TooManyRequests,  // 429 with Retry-After
    Broken,           // 500
    Prose,            // no JSON in the content
    OutOfRange,       // a box beyond the image
    Refusal,
    Length,     // stopped in the middle of the JSON
    Malicious,  // valid JSON of another schema, with markup
    Enormous,   // five megabytes
    Hang,       // no answer until the test lets go
    Drip,       // a byte of the good answer every tenth of a second
    NotJson,    // a body that is no JSON
    Countless   // more tokens than a number holds
  };

  static constexpr const char* KEY = "key-of-the-test";
  static constexpr const char* MODEL = "vision-1";

  ChatServer();
  ~ChatServer() { LetGo(); }

  // The moods of the next requests, then good ones.
  void Plan(std::vector<Mood> moods);
  void LetGo() { released_ = true; }

  std::string Endpoint() const { return server_.Url("/v1"); }
  int Accepted() const { return accepted_; }  // requests that conformed
  std::vector<std::string> Refusals() const;
  // Width and height of every image that came.
  std::vector<std::pair<unsigned, unsigned>> Images() const;
  // Every byte that came: heads, bodies, and what was base64 in them.
  std::string Everything() const;

private:
  ServedReply Answer(const ServedRequest& request);
  // Empty if the request is right.
  std::string Check(const ServedRequest& request);

  mutable std::mutex mutex_;
  std::deque<Mood> moods_;  // guarded by mutex_, as what follows
  std::vector<std::string> refusals_;
  std::vector<std::pair<unsigned, unsigned>> images_;
  std::string everything_;
  std::atomic<int> accepted_{0};
  std::atomic<bool> released_{false};
  HttpServer server_;  // the last: its threads use the others
};
}  // namespace OrthancClinic::Testing
