// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/Findscu.h"

#include <algorithm>

#include "Support/Files.h"
#include "Support/HttpClient.h"
#include "Support/Process.h"

namespace OrthancClinic::Testing
{
FindResult FindWorklist(const FindOptions& options, const std::vector<std::string>& keys)
{
  const TemporaryDirectory folder;
  std::vector<std::string> arguments = {"findscu",   "-v",
                                        "-W",        "-X",
                                        "-od",       folder.Path().string(),
                                        "-aet",      options.callingAe,
                                        "-aec",      options.calledAe,
                                        "127.0.0.1", std::to_string(options.port),
                                        "-k",        "SpecificCharacterSet=ISO_IR 192"};
  for (const std::string& key : keys)
  {
    arguments.push_back("-k");
    arguments.push_back(key);
  }
  FindResult result;
  const Finished finished = RunProgram(arguments);
  result.output = finished.output;
  result.succeeded = finished.exitCode == 0 &&
                     finished.output.find("Received Final Find Response (Success)") != std::string::npos;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder.Path()))
  {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files)
  {
    const Finished json = RunProgram({"dcm2json", "+fc", file.string()});
    result.answers.push_back(ParseJsonText(json.output));
    const std::string dump = RunProgram({"dcmdump", "+P", "0008,0005", file.string()}).output;
    const size_t begin = dump.find('[');
    result.characterSets.push_back(
        begin == std::string::npos ? "" : dump.substr(begin + 1, dump.find(']') - begin - 1));
  }
  return result;
}

std::string ValueOf(const Json::Value& answer, const std::string& path)
{
  const size_t dot = path.find('.');
  const Json::Value& value = answer[path.substr(0, dot)]["Value"][0];
  if (dot != std::string::npos)
  {
    return ValueOf(value, path.substr(dot + 1));
  }
  if (!value.isObject())
  {
    return value.isNull() ? "" : value.asString();
  }
  std::string name;
  for (const char* group : {"Alphabetic", "Ideographic", "Phonetic"})
  {
    name += value[group].asString() + "=";
  }
  name.erase(name.find_last_not_of('=') + 1);
  return name;
}
}  // namespace OrthancClinic::Testing
