// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Configuration/Configuration.h"

#include <fmt/format.h>

#include <cstdlib>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
std::string Join(const std::string& path, const std::string& key)
{
  return path.empty() || key.empty() || key.front() == '[' ? path + key : path + "." + key;
}

// The NAME of "${NAME}"; empty if `text` is not of that form.
std::string VariableName(const std::string& text)
{
  static const std::string kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  if (!text.starts_with("${") || !text.ends_with("}"))
  {
    return "";
  }
  const std::string name = text.substr(2, text.size() - 3);
  const bool valid = !name.empty() && kLetters.find(name.front()) != std::string::npos &&
                     name.find_first_not_of(kLetters + "0123456789") == std::string::npos;
  return valid ? name : "";
}

void SubstituteEnvironment(Json::Value& value, const std::string& path)
{
  if (value.isString())
  {
    if (const std::string name = VariableName(value.asString()); !name.empty())
    {
      const char* const content = std::getenv(name.c_str());
      if (!content)
      {
        throw BadInput(fmt::format("{}: the environment variable {} is not set", path, name));
      }
      value = content;
    }
  }
  else if (value.isArray())
  {
    for (Json::ArrayIndex i = 0; i < value.size(); i++)
    {
      SubstituteEnvironment(value[i], fmt::format("{}[{}]", path, i));
    }
  }
  else if (value.isObject())
  {
    for (const std::string& key : value.getMemberNames())
    {
      SubstituteEnvironment(value[key], Join(path, key));
    }
  }
}

// `schema` with "additionalProperties": false wherever an object schema does not say otherwise.
Json::Value Close(Json::Value schema)
{
  if (!schema.isObject())
  {
    return schema;
  }
  if (schema.isMember("properties"))
  {
    for (Json::Value& property : schema["properties"])
    {
      property = Close(property);
    }
    if (!schema.isMember("additionalProperties"))
    {
      schema["additionalProperties"] = false;
    }
  }
  for (const char* const keyword : {"items", "additionalProperties"})
  {
    if (schema.isMember(keyword))
    {
      schema[keyword] = Close(schema[keyword]);
    }
  }
  // Not into allOf, whose schemas describe one object together: each would refuse what the others know.
  for (const char* const keyword : {"anyOf", "oneOf"})
  {
    if (schema.isMember(keyword))
    {
      for (Json::Value& alternative : schema[keyword])
      {
        alternative = Close(alternative);
      }
    }
  }
  return schema;
}

bool HasAllRequired(const Json::Value& value, const Json::Value& schema)
{
  for (const Json::Value& key : schema["required"])
  {
    if (!value.isMember(key.asString()))
    {
      return false;
    }
  }
  return true;
}

void FillDefaults(Json::Value& value, const Json::Value& schema)
{
  if (!schema.isObject())
  {
    return;
  }
  if (value.isArray())
  {
    for (Json::Value& item : value)
    {
      FillDefaults(item, schema["items"]);
    }
  }
  if (!value.isObject())
  {
    return;
  }
  const Json::Value& properties = schema["properties"];
  for (auto property = properties.begin(); property != properties.end(); ++property)
  {
    const std::string key = property.name();
    if (!property->isObject())
    {
      continue;
    }
    if (value.isMember(key))
    {
      FillDefaults(value[key], *property);
    }
    else if (property->isMember("default"))
    {
      FillDefaults(value[key] = (*property)["default"], *property);
    }
    else if ((*property)["type"] == "object")
    {
      Json::Value filled = Json::objectValue;
      FillDefaults(filled, *property);
      if (!filled.empty() && HasAllRequired(filled, *property))
      {
        value[key] = filled;
      }
    }
  }
  for (const std::string& key : value.getMemberNames())
  {
    if (!properties.isMember(key))
    {
      FillDefaults(value[key], schema["additionalProperties"]);
    }
  }
}

std::string EscapeCell(std::string text)
{
  for (size_t i = 0; (i = text.find_first_of("|\n", i)) != std::string::npos; i += 2)
  {
    text.replace(i, 1, text[i] == '|' ? "\\|" : "  ");
  }
  return text;
}

// "an integer from 1 to 5" → "integer from 1 to 5": a table needs no articles.
std::string WithoutArticle(const std::string& words)
{
  return words.starts_with("an ") ? words.substr(3) : words.starts_with("a ") ? words.substr(2) : words;
}

bool DescribesKeys(const Json::Value& schema)
{
  return schema.isObject() && schema.isMember("properties");
}

void AddRows(std::string& table, const std::string& path, const Json::Value& schema, bool required)
{
  const bool leaf = !schema.isMember("properties") && !schema["additionalProperties"].isObject() &&
                    !DescribesKeys(schema["items"]);
  if (leaf || schema.isMember("description") || schema.isMember("default"))
  {
    const std::string fallback = schema.isMember("default") ? "`" + WriteJson(schema["default"]) + "`"
                                 : required                 ? "required"
                                                            : "";
    table +=
        fmt::format("| `{}` | {} | {} | {} |\n", path, EscapeCell(WithoutArticle(DescribeSchema(schema))),
                    EscapeCell(fallback), EscapeCell(schema["description"].asString()));
  }
  const Json::Value& properties = schema["properties"];
  for (auto property = properties.begin(); property != properties.end(); ++property)
  {
    bool isRequired = false;
    for (const Json::Value& key : schema["required"])
    {
      isRequired |= key.asString() == property.name();
    }
    AddRows(table, Join(path, property.name()), *property, isRequired);
  }
  if (DescribesKeys(schema["items"]))
  {
    Json::Value items = schema["items"];
    items.removeMember("description");  // the row of the array itself says it
    AddRows(table, path + "[]", items, false);
  }
  if (schema["additionalProperties"].isObject())
  {
    AddRows(table, Join(path, "<name>"), schema["additionalProperties"], false);
  }
}
}  // namespace

Configuration::Configuration(Json::Value orthanc) : orthanc_(std::move(orthanc)), clinic_(Json::objectValue)
{
  if (!orthanc_.isObject())
  {
    throw BadInput("The configuration of Orthanc is not a JSON object");
  }
  if (orthanc_.isMember("Clinic"))
  {
    clinic_ = orthanc_["Clinic"];
  }
  if (!clinic_.isObject())
  {
    throw BadInput("Clinic: expected an object");
  }
  SubstituteEnvironment(clinic_, "Clinic");
}

Json::Value Configuration::Section(const std::string& name, const Json::Value& schema)
{
  const Json::Value closed = Close(schema);
  const JsonSchema check(closed);
  Json::Value section = Json::objectValue;
  if (name.empty())
  {
    for (const std::string& key : closed["properties"].getMemberNames())
    {
      claimed_[key] = true;
      if (clinic_.isMember(key))
      {
        section[key] = clinic_[key];
      }
    }
  }
  else
  {
    claimed_[name] = true;
    if (clinic_.isMember(name))
    {
      section = clinic_[name];
    }
  }

  FillDefaults(section, closed);
  const std::vector<FieldError> errors = check.Validate(section);
  if (!errors.empty())
  {
    const std::string path = Join(Join("Clinic", name), errors.front().field);
    throw BadInput(path + ": " + errors.front().message, errors);
  }
  return section;
}

void Configuration::RefuseUnclaimed() const
{
  for (const std::string& key : clinic_.getMemberNames())
  {
    if (!claimed_.contains(key))
    {
      std::string known;
      for (const auto& [name, claimed] : claimed_)
      {
        known += (known.empty() ? "" : ", ") + name;
      }
      throw BadInput(fmt::format(
          "Clinic.{}: unknown key, or the section of a plugin that is not loaded; known are {}", key, known));
    }
  }
}

std::string OptionTable(const std::string& section, const Json::Value& schema)
{
  std::string table = "| option | value | default | meaning |\n| --- | --- | --- | --- |\n";
  Json::Value root = schema;
  root.removeMember("description");
  root.removeMember("default");
  AddRows(table, section, root, false);
  return table;
}
}  // namespace OrthancClinic
