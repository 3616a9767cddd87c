// SPDX-License-Identifier: GPL-3.0-or-later
//
// The rules of the house, read from the sources: who may include whom, and how a file begins.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "Support/Files.h"

namespace OrthancClinic
{
namespace
{
namespace fs = std::filesystem;

// Core's rooms from the ground up; those of one floor may know each other, as long as they do not make a
// circle. Files directly in Plugins/Core are below all.
const std::map<std::string, int>& Floors()
{
  static const std::map<std::string, int> floors = {
      {"", 0},      {"Dicom", 1}, {"Database", 1}, {"Http", 1},     {"Configuration", 1}, {"Records", 2},
      {"Tasks", 3}, {"Feed", 3},  {"Events", 3},   {"Identity", 4}, {"Rest", 5},          {"Host", 6}};
  return floors;
}

struct SourceFile
{
  fs::path path;  // relative to Plugins/: "Core/Rest/Router.h"
  std::string text;
  std::vector<std::string> quoted;   // #include "…"
  std::vector<std::string> angular;  // #include <…>
};

const std::vector<SourceFile>& Sources()
{
  static const std::vector<SourceFile> sources = []
  {
    std::vector<SourceFile> result;
    const fs::path root = fs::path(ORTHANC_CLINIC_SOURCE_DIR) / "Plugins";
    const std::regex include(R"re(^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>))re");
    for (const auto& entry : fs::recursive_directory_iterator(root))
    {
      if (entry.path().extension() != ".h" && entry.path().extension() != ".cpp")
      {
        continue;
      }
      SourceFile file{.path = fs::relative(entry.path(), root),
                      .text = Testing::ReadFile(entry.path()),
                      .quoted = {},
                      .angular = {}};
      std::istringstream lines(file.text);
      for (std::string line; std::getline(lines, line);)
      {
        std::smatch match;
        if (std::regex_search(line, match, include))
        {
          (match[1].matched ? file.quoted : file.angular).push_back(match[1].matched ? match[1] : match[2]);
        }
      }
      result.push_back(std::move(file));
    }
    return result;
  }();
  return sources;
}

std::string FirstFolder(const fs::path& path)
{
  return path.begin()->string();
}

// A plugin names its own files without their folder; everything else is named from Plugins/ down.
fs::path Resolve(const SourceFile& file, const std::string& include)
{
  const fs::path own = file.path.parent_path() / include;
  const bool isPlugin = FirstFolder(file.path) != "Core";
  return isPlugin && fs::exists(fs::path(ORTHANC_CLINIC_SOURCE_DIR) / "Plugins" / own) ? own
                                                                                       : fs::path(include);
}

// "Rest" of "Core/Rest/Router.h", "" of "Core/Errors.h".
std::string RoomOf(const fs::path& path)
{
  const fs::path inside = path.lexically_relative("Core");
  return inside.has_parent_path() ? FirstFolder(inside) : "";
}

TEST(Structure, APluginIncludesOnlyCoreAndItself)
{
  for (const SourceFile& file : Sources())
  {
    for (const std::string& include : file.quoted)
    {
      const std::string folder = FirstFolder(Resolve(file, include));
      EXPECT_TRUE(folder == "Core" || folder == FirstFolder(file.path))
          << file.path << " includes \"" << include << "\"";
    }
  }
}

TEST(Structure, QuotedIncludesNameFilesOfOurs)
{
  const fs::path root = fs::path(ORTHANC_CLINIC_SOURCE_DIR) / "Plugins";
  for (const SourceFile& file : Sources())
  {
    for (const std::string& include : file.quoted)
    {
      EXPECT_TRUE(fs::exists(root / Resolve(file, include)))
          << file.path << " includes \"" << include << "\"";
    }
  }
}

TEST(Structure, CoreConsistsOfTheKnownRooms)
{
  for (const SourceFile& file : Sources())
  {
    if (FirstFolder(file.path) == "Core")
    {
      EXPECT_TRUE(Floors().contains(RoomOf(file.path))) << file.path;
    }
  }
}

TEST(Structure, ARoomOfCoreKnowsOnlyThoseBelowIt)
{
  for (const SourceFile& file : Sources())
  {
    const auto own = Floors().find(RoomOf(file.path));
    if (FirstFolder(file.path) != "Core" || own == Floors().end())
    {
      continue;
    }
    for (const std::string& include : file.quoted)
    {
      const auto other = Floors().find(RoomOf(include));
      if (FirstFolder(include) == "Core" && other != Floors().end())
      {
        EXPECT_LE(other->second, own->second) << file.path << " includes \"" << include << "\"";
      }
    }
  }
}

TEST(Structure, TheRoomsOfCoreMakeNoCircle)
{
  std::map<std::string, std::set<std::string>> knows;
  for (const SourceFile& file : Sources())
  {
    for (const std::string& include : file.quoted)
    {
      if (FirstFolder(file.path) == "Core" && FirstFolder(include) == "Core" &&
          RoomOf(file.path) != RoomOf(include))
      {
        knows[RoomOf(file.path)].insert(RoomOf(include));
      }
    }
  }
  std::set<std::string> done;
  std::vector<std::string> way;
  const std::function<void(const std::string&)> visit = [&](const std::string& room)
  {
    if (done.contains(room))
    {
      return;
    }
    for (const std::string& visited : way)
    {
      ASSERT_NE(visited, room) << "a circle through " << room;
    }
    way.push_back(room);
    for (const std::string& next : knows[room])
    {
      visit(next);
    }
    way.pop_back();
    done.insert(room);
  };
  for (const auto& [room, floor] : Floors())
  {
    visit(room);
  }
}

TEST(Structure, OnlyHostKnowsTheSdk)
{
  for (const SourceFile& file : Sources())
  {
    for (const auto* includes : {&file.quoted, &file.angular})
    {
      for (const std::string& include : *includes)
      {
        if (fs::path(include).filename() == "OrthancCPlugin.h")
        {
          EXPECT_TRUE(file.path.string().starts_with("Core/Host/")) << file.path;
        }
      }
    }
  }
}

TEST(Structure, EveryFileNamesItsLicence)
{
  for (const SourceFile& file : Sources())
  {
    EXPECT_TRUE(file.text.starts_with("// SPDX-License-Identifier: GPL-3.0-or-later\n")) << file.path;
  }
}

TEST(Structure, EveryHeaderSaysInItsFirstLinesWhatItIsFor)
{
  for (const SourceFile& file : Sources())
  {
    if (file.path.extension() == ".h")
    {
      EXPECT_TRUE(std::regex_search(file.text, std::regex("^// SPDX[^\\n]*\\n//\\n// [A-Z\"`]")))
          << file.path;
      EXPECT_NE(std::string::npos, file.text.find("#pragma once")) << file.path;
    }
  }
}
}  // namespace
}  // namespace OrthancClinic
