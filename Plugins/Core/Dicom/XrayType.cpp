// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/XrayType.h"

#include <algorithm>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/Folding.h"
#include "Core/Dicom/Tags.h"

namespace OrthancClinic
{
namespace
{
bool Has(const std::vector<std::string>& all, const std::string& one)
{
  return all.empty() || std::find(all.begin(), all.end(), one) != all.end();
}

// Everything that describes the view: ViewPosition, BodyPartExamined, ProtocolName, the descriptions, the
// device's model, and the meanings of the codes for view and anatomic region.
std::string Description(const Json::Value& tags)
{
  std::string text;
  for (const char* tag :
       {"0018,5101", "0018,0015", "0018,1030", "0008,103e", "0008,1030", "0008,1090", "0018,1400"})
  {
    text += Tag(tags, tag) + " ";
  }
  for (const char* sequence : {"0054,0220", "0008,2218", "0008,2228", "0008,1032", "0040,0260"})
  {
    for (const Json::Value& item : tags[sequence])
    {
      text += Tag(item, "0008,0104") + " ";
    }
  }
  return Folded(text);
}

}  // namespace

std::string XrayTypeOf(const std::vector<XrayTypeRule>& table, const Json::Value& tags)
{
  const std::string description = Description(tags);
  const std::string rows = Tag(tags, "0028,0010");
  const std::string columns = Tag(tags, "0028,0011");
  const double height = std::strtod(rows.c_str(), nullptr);
  const double aspect = height > 0 ? std::strtod(columns.c_str(), nullptr) / height : 0;
  for (const XrayTypeRule& rule : table)
  {
    const bool hasWord =
        rule.words.empty() || std::any_of(rule.words.begin(), rule.words.end(),
                                          [&](const std::string& word)
                                          { return description.find(Folded(word)) != std::string::npos; });
    if (Has(rule.modalities, Tag(tags, "0008,0060")) && Has(rule.sopClasses, Tag(tags, "0008,0016")) &&
        hasWord && (rule.minimumAspect == 0 || aspect >= rule.minimumAspect) &&
        (rule.maximumAspect == 0 || (aspect > 0 && aspect <= rule.maximumAspect)))
    {
      return rule.type;
    }
  }
  return "other";
}

// Words first, which a person or a device chose; then the modality (PS3.3 C.7.3.1.1.1: PX is panoramic, IO
// intra-oral); then the shape: a panoramic image is about twice as wide as high.
const Json::Value& DefaultXrayTypes()
{
  static const Json::Value TABLE = JsonLiteral(R"([
    {"Type": "cephalometric", "Modalities": ["PX", "DX", "CR", "RG", "OT"], "Words": ["ceph", "céphalo", "cefalo", "头影", "頭影"]},
    {"Type": "bitewing", "Modalities": ["IO", "DX", "CR", "XC", "OT"], "Words": ["bitewing", "bite wing", "interproximal", "rétrocoronaire", "retrocoronaire", "aleta de mordida", "咬翼"]},
    {"Type": "periapical", "Modalities": ["IO", "DX", "CR", "OT"], "Words": ["periapical", "périapical", "rétro-alvéolaire", "根尖"]},
    {"Type": "panoramic", "Modalities": ["PX", "DX", "CR", "OT"], "Words": ["panoram", "orthopantom", "opg", "全景", "曲面"]},
    {"Type": "cbct", "Modalities": ["CT"], "Words": ["cbct", "cone beam", "faisceau conique", "haz conico", "dental", "jaw", "maxilla", "mandib", "锥"]},
    {"Type": "cbct", "Modalities": ["CT"], "SopClasses": ["1.2.840.10008.5.1.4.1.1.13.1.3"]},
    {"Type": "panoramic", "Modalities": ["PX"], "MinimumAspect": 1.4},
    {"Type": "cephalometric", "Modalities": ["PX"]},
    {"Type": "bitewing", "Modalities": ["XC"]},
    {"Type": "periapical", "Modalities": ["IO"]},
    {"Type": "periapical", "SopClasses": ["1.2.840.10008.5.1.4.1.1.1.3", "1.2.840.10008.5.1.4.1.1.1.3.1"]}
  ])");
  return TABLE;
}

std::vector<XrayTypeRule> ReadXrayTypes(const Json::Value& json)
{
  std::vector<XrayTypeRule> table;
  for (const Json::Value& item : json)
  {
    table.push_back({item["Type"].asString(), Texts(item["Modalities"]), Texts(item["SopClasses"]),
                     Texts(item["Words"]), item["MinimumAspect"].asDouble(),
                     item["MaximumAspect"].asDouble()});
  }
  return table;
}
}  // namespace OrthancClinic
