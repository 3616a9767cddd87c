// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/ChatServer.h"

#include <openssl/evp.h>
#include <png.h>

#include <chrono>
#include <thread>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Errors.h"

namespace OrthancClinic::Testing
{
namespace
{
const Json::Value& RequestSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object", "additionalProperties": false, "required": ["model", "messages", "response_format"],
    "properties": {
      "model": {"type": "string", "minLength": 1},
      "messages": {"type": "array", "minItems": 1, "items": {"anyOf": [
        {"type": "object", "additionalProperties": false, "required": ["role", "content"],
         "properties": {"role": {"const": "system"}, "content": {"type": "string", "minLength": 1}}},
        {"type": "object", "additionalProperties": false, "required": ["role", "content"],
         "properties": {"role": {"const": "user"}, "content": {"type": "array", "minItems": 1, "items": {"anyOf": [
           {"type": "object", "additionalProperties": false, "required": ["type", "text"],
            "properties": {"type": {"const": "text"}, "text": {"type": "string"}}},
           {"type": "object", "additionalProperties": false, "required": ["type", "image_url"],
            "properties": {"type": {"const": "image_url"}, "image_url": {"type": "object", "additionalProperties": false, "required": ["url"],
              "properties": {"url": {"type": "string"}, "detail": {"enum": ["auto", "low", "high"]}}}}}]}}}}]}},
      "response_format": {"type": "object", "additionalProperties": false, "required": ["type", "json_schema"],
        "properties": {"type": {"const": "json_schema"},
          "json_schema": {"type": "object", "additionalProperties": false, "required": ["name", "schema"],
            "properties": {"name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}, "strict": {"type": "boolean"}, "schema": {"type": "object"}}}}}
    }
  })");
  return SCHEMA;
}

// Strict structured outputs: every object closed, with every key required; no keyword that they do not know.
std::string CheckStrict(const Json::Value& schema, const std::string& path = "schema")
{
  static const std::vector<std::string> KNOWN = {
      "type", "properties", "required", "additionalProperties", "items",
      "enum", "const",      "anyOf",    "description",          "title"};
  for (const std::string& key : schema.getMemberNames())
  {
    if (std::find(KNOWN.begin(), KNOWN.end(), key) == KNOWN.end())
    {
      return path + ": '" + key + "' is not permitted";
    }
  }
  if (schema["properties"].isObject())
  {
    if (schema["additionalProperties"] != Json::Value(false))
    {
      return path + ": 'additionalProperties' is required to be supplied and to be false";
    }
    for (const std::string& name : schema["properties"].getMemberNames())
    {
      bool required = false;
      for (const Json::Value& one : schema["required"])
      {
        required = required || one == name;
      }
      if (!required)
      {
        return path + ": 'required' is required to include " + name;
      }
      if (const std::string wrong = CheckStrict(schema["properties"][name], path + "." + name);
          !wrong.empty())
      {
        return wrong;
      }
    }
  }
  return schema["items"].isObject() ? CheckStrict(schema["items"], path + ".items") : "";
}

std::string FromBase64(const std::string& text)
{
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0)
  {
    return "";
  }
  bytes.resize(static_cast<size_t>(size) - (text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0));
  return bytes;
}
}  // namespace

ChatServer::ChatServer() : server_([this](const ServedRequest& request) { return Answer(request); }) {}

void ChatServer::Plan(std::vector<Mood> moods)
{
  const std::lock_guard lock(mutex_);
  moods_.assign(moods.begin(), moods.end());
}

std::vector<std::string> ChatServer::Refusals() const
{
  const std::lock_guard lock(mutex_);
  return refusals_;
}

std::vector<std::pair<unsigned, unsigned>> ChatServer::Images() const
{
  const std::lock_guard lock(mutex_);
  return images_;
}

std::string ChatServer::Everything() const
{
  const std::lock_guard lock(mutex_);
  return everything_;
}

std::string ChatServer::Check(const ServedRequest& request)
{
  everything_ += request.method + " " + request.target + "\n";
  for (const auto& [name, value] : request.headers)
  {
    everything_ += name + ": " + value + "\n";
  }
  everything_ += request.body;
  const auto header = [&](const char* name)
  {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? "" : found->second;
  };
  if (request.method != "POST" || request.target != "/v1/chat/completions")
  {
    return "there is nothing at " + request.target;
  }
  if (header("authorization") != std::string("Bearer ") + KEY || header("content-type") != "application/json")
  {
    return "the headers are not right";
  }
  Json::Value json;
  try
  {
    json = ParseJson(request.body);
  }
  catch (const BadInput& error)
  {
    return error.what();
  }
  static const JsonSchema CHECK(RequestSchema());
  if (const auto errors = CHECK.Validate(json); !errors.empty())
  {
    return errors.front().field + ": " + errors.front().message;
  }
  if (json["model"] != MODEL)
  {
    return "there is no such model";
  }
  const Json::Value& format = json["response_format"]["json_schema"];
  if (const std::string wrong = CheckStrict(format["schema"]); format["strict"].asBool() && !wrong.empty())
  {
    return wrong;
  }
  for (const Json::Value& message : json["messages"])
  {
    for (const Json::Value& part :
         message["role"] == "user" ? message["content"] : Json::Value(Json::arrayValue))
    {
      const std::string url = part["image_url"]["url"].asString();
      const std::string start = "data:image/png;base64,";
      const std::string bytes = url.starts_with(start) ? FromBase64(url.substr(start.size())) : "";
      everything_ += bytes;
      png_image image{};
      image.version = PNG_IMAGE_VERSION;
      if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0)
      {
        return "an image cannot be read";
      }
      image.format = PNG_FORMAT_GRAY;
      std::vector<png_byte> pixels(PNG_IMAGE_SIZE(image));
      const bool decoded = png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr) != 0;
      images_.emplace_back(image.width, image.height);
      png_image_free(&image);
      if (!decoded)
      {
        return "an image cannot be decoded";
      }
    }
  }
  return "";
}

ServedReply ChatServer::Answer(const ServedRequest& request)
{
  Mood mood = Mood::Good;
  {
    const std::lock_guard lock(mutex_);
    if (const std::string wrong = Check(request); !wrong.empty())
    {
      refusals_.push_back(wrong);
      return {.status = 400, .body = R"({"error": {"type": "invalid_request_error"}})"};
    }
    if (!moods_.empty())
    {
      mood = moods_.front();
      moods_.pop_front();
    }
  }
  accepted_++;
  Json::Value finding = JsonLiteral(R"({"kind": "caries", "severity": "moderate", "text": "Carie distale.",
    "recommendation": "Examen clinique.", "confidence": 0.83, "image": 1, "tooth": "36", "box": [0.25, 0.5, 0.5, 0.25]})");
  Json::Value result;
  result["summary"] = Json::nullValue;
  std::string finish = "stop";
  Json::Value refusal;
  std::string content;
  switch (mood)
  {
    case Mood::TooManyRequests:
      return {.status = 429,
              .body = R"({"error": {"type": "rate_limit_error"}})",
              .headers = {{"Retry-After", "1"}}};
    case Mood::Broken:
      return {.status = 500, .body = "oops", .contentType = "text/plain"};
    case Mood::NotJson:
      return {.body = "{\"choices\": [", .contentType = "application/json"};
    case Mood::Hang:
      while (!released_)
      {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      break;
    case Mood::Prose:
      content = "I see a small cavity.";
      break;
    case Mood::OutOfRange:
      finding["box"][2] = 0.9;
      break;
    case Mood::Refusal:
      refusal = "I cannot help with that.";
      break;
    case Mood::Length:
      finish = "length";
      content = "{\"findings\": [";
      break;
    case Mood::Malicious:
      finding["kind"] = "<script>alert(1)</script>";
      finding["image"] = -1;
      break;
    case Mood::Enormous:
      finding["text"] = std::string(5 << 20, 'x');
      break;
    case Mood::Drip:
    case Mood::Countless:
    case Mood::Good:
      break;
  }
  result["findings"].append(finding);
  Json::Value body;
  body["id"] = "chatcmpl-1";
  body["object"] = "chat.completion";
  body["model"] = "vision-1-2026-01-01";
  Json::Value choice;
  choice["index"] = 0;
  choice["finish_reason"] = finish;
  choice["message"]["role"] = "assistant";
  choice["message"]["refusal"] = refusal;
  choice["message"]["content"] =
      refusal.isNull() ? Json::Value(content.empty() ? WriteJson(result) : content) : Json::Value();
  body["choices"].append(choice);
  body["usage"]["prompt_tokens"] = mood == Mood::Countless ? INT64_MAX : Json::Int64{1000};
  body["usage"]["completion_tokens"] = mood == Mood::Countless ? INT64_MAX : Json::Int64{200};
  body["usage"]["total_tokens"] = 1200;
  return {.body = WriteJson(body), .perByte = std::chrono::milliseconds(mood == Mood::Drip ? 100 : 0)};
}
}  // namespace OrthancClinic::Testing
