// SPDX-License-Identifier: GPL-3.0-or-later

#include "OpenAiProvider.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr const char* PATH = "/chat/completions";
constexpr size_t LONGEST_PROMPT = 64 << 10;
constexpr int64_t MOST_TOKENS = 1'000'000'000;  // of one answer: what is said beyond is no count

}  // namespace

OpenAiProvider::OpenAiProvider(const ProviderOptions& options, Images& images)
    : RemoteProvider(options, images), url_(options.endpoint)
{
  if (url_.find(PATH) == std::string::npos)
  {
    url_.erase(url_.find_last_not_of('/') + 1);
    url_ += PATH;
  }
}

std::string OpenAiProvider::PromptFor(const Question& question) const
{
  const std::string name = question.xrayType + "." + question.language + ".txt";
  if (!options_.prompts.empty())
  {
    if (std::ifstream file(std::filesystem::path(options_.prompts) / name); file)
    {
      std::string text{std::istreambuf_iterator<char>(file), {}};
      if (text.empty() || text.size() > LONGEST_PROMPT || !CountCodePoints(text))
      {
        throw Unavailable("The file of instructions " + name + " is empty, too long or not UTF-8");
      }
      return text;
    }
  }
  for (const auto& [file, text] : Prompts())
  {
    if (file == name)
    {
      return std::string(text);
    }
  }
  throw PermanentFailure("There are no instructions " + name);
}

ProviderRequest OpenAiProvider::Prepare(const Question& question)
{
  const std::string prompt = PromptFor(question);
  Json::Value body;
  body["model"] = options_.model;
  Json::Value system;
  system["role"] = "system";
  system["content"] = prompt;
  body["messages"].append(system);
  Json::Value user;
  user["role"] = "user";
  for (const std::string& image : RenderAll(question))
  {
    Json::Value part;
    part["type"] = "image_url";
    part["image_url"]["url"] =
        (options_.asJpeg ? "data:image/jpeg;base64," : "data:image/png;base64,") + ToBase64(image);
    part["image_url"]["detail"] = "high";
    user["content"].append(part);
  }
  body["messages"].append(user);
  body["response_format"]["type"] = "json_schema";
  body["response_format"]["json_schema"]["name"] = "findings";
  body["response_format"]["json_schema"]["strict"] = true;
  body["response_format"]["json_schema"]["schema"] = WireSchema();
  ProviderRequest request;
  request.body = WriteJson(body);
  request.contentType = "application/json";
  request.sha256 = Sha256Of(options_.endpoint + "\n" + request.body);
  request.promptVersion = Sha256Of(prompt);
  return request;
}

Answer OpenAiProvider::Ask(const Question& question, const ProviderRequest& request,
                           const std::function<bool()>& isCancelled)
{
  HttpHeaders headers = {{"Content-Type", request.contentType}, {"Accept", "application/json"}};
  if (!options_.apiKey.empty())
  {
    headers.emplace_back(options_.apiKeyHeader,
                         (options_.apiKeyHeader == "Authorization" ? "Bearer " : "") + options_.apiKey);
  }
  const std::string body = Post(url_, headers, request.body, isCancelled);
  Answer answer;
  try
  {
    Read(ParseJson(body), question, answer);
  }
  catch (const BadInput& error)
  {
    answer.error = error.what();
  }
  return answer;
}

void OpenAiProvider::Read(const Json::Value& json, const Question& question, Answer& answer) const
{
  const auto need = [](bool holds, const char* message)
  {
    if (!holds)
    {
      throw BadInput(message);
    }
  };
  const Json::Value& usage = json.isObject() ? json["usage"] : json;
  const auto tokens = [&](const char* name)
  {
    return usage.isObject() && usage[name].isInt64()
               ? std::clamp<int64_t>(usage[name].asInt64(), 0, MOST_TOKENS)
               : 0;
  };
  answer.tokensIn = tokens("prompt_tokens");
  answer.tokensOut = tokens("completion_tokens");
  need(json.isObject() && json["choices"].isArray() && json["choices"].size() == 1 &&
           json["choices"][0].isObject() && json["choices"][0]["message"].isObject(),
       "the answer is no chat completion with one choice");
  const Json::Value& choice = json["choices"][0];
  const Json::Value& message = choice["message"];
  need(message["refusal"].isNull(), "the model refused");
  need(choice["finish_reason"].isString() && choice["finish_reason"].asString() == "stop",
       "the model was stopped before it had ended");
  need(message["content"].isString(), "the answer has no content");
  answer.model = json["model"].isString() ? Abbreviate(json["model"].asString(), 128) : options_.model;
  answer.result = FromWire(ParseJson(message["content"].asString()), question);
}
}  // namespace OrthancClinic::Analysis
