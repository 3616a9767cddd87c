// SPDX-License-Identifier: GPL-3.0-or-later

#include "Language.h"

#include <map>

namespace OrthancClinic::Analysis
{
const Language& LanguageOf(const std::string& code)
{
  static const std::map<std::string, Language> LANGUAGES = {
      {"en", {"en", "English", "Made by software; not a diagnosis.", "No findings.", "AI, not verified"}},
      {"fr",
       {"fr", "French", "Produit par un logiciel; ce n'est pas un diagnostic.", "Aucune observation.",
        "IA, non vérifié"}},
      {"es",
       {"es", "Spanish", "Generado por un programa; no es un diagnóstico.", "Sin hallazgos.",
        "IA, no verificado"}},
      {"zh", {"zh", "Chinese", "由软件生成；不是诊断。", "无发现。", "AI，未经核实"}}};
  const auto found = LANGUAGES.find(code);
  return found == LANGUAGES.end() ? LANGUAGES.at("en") : found->second;
}

std::string TextIn(const Json::Value& texts, const std::string& language)
{
  if (!texts.isObject() || texts.empty())
  {
    return "";
  }
  return texts.isMember(language) ? texts[language].asString() : (*texts.begin()).asString();
}
}  // namespace OrthancClinic::Analysis
