// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any endpoint that speaks OpenAI's chat completions with images and structured outputs: OpenAI, Azure
// OpenAI, vLLM, Ollama.

#pragma once

#include "RemoteProvider.h"

namespace OrthancClinic::Analysis
{
class OpenAiProvider : public RemoteProvider
{
public:
  OpenAiProvider(const ProviderOptions& options, Images& images);

  ProviderRequest Prepare(const Question& question) override;
  Answer Ask(const Question& question, const ProviderRequest& request,
             const std::function<bool()>& isCancelled) override;

private:
  // The administrator's file, else ours.
  std::string PromptFor(const Question& question) const;

  // Throws BadInput if the answer cannot be used; what it cost is read first.
  void Read(const Json::Value& json, const Question& question, Answer& answer) const;

  std::string url_;
};
}  // namespace OrthancClinic::Analysis
