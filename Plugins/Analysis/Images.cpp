// SPDX-License-Identifier: GPL-3.0-or-later

#include "Images.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/DicomScan.h"
#include "Core/Dicom/ImageModality.h"
#include "Core/Digest.h"
#include "Core/Errors.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr int JPEG_QUALITY = 92;
constexpr const char* EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1";

int Number(const Json::Value& tags, const char* tag, int otherwise)
{
  const std::string text = Tag(tags, tag);
  char* end = nullptr;
  const long number = std::strtol(text.c_str(), &end, 10);
  return end == text.c_str() || number < 0 || number > 1'000'000 ? otherwise : static_cast<int>(number);
}
}  // namespace

std::vector<AnalysedImage> Images::Choose(const std::string& orthancStudyId, int most,
                                          const std::string& xrayId, const std::set<std::string>& ours)
{
  std::vector<std::tuple<int, std::string, int, std::string>> instances;  // series number, series, number, id
  for (const Json::Value& series : orthanc_.Get("/studies/" + orthancStudyId + "/series"))
  {
    const Json::Value& tags = series["MainDicomTags"];
    const auto number = [](const Json::Value& from, const char* name)
    { return from[name].isString() ? std::atoi(from[name].asCString()) : 0; };
    const std::string seriesUid = TextOf(tags, "SeriesInstanceUID");
    if (!IsImageModality(TextOf(tags, "Modality")) || ours.contains(seriesUid))
    {
      continue;
    }
    for (const Json::Value& instance : orthanc_.Get("/series/" + series["ID"].asString() + "/instances"))
    {
      if (!xrayId.empty() && xrayId != seriesUid && xrayId != series["ID"].asString() &&
          xrayId != instance["ID"].asString() &&
          xrayId != TextOf(instance["MainDicomTags"], "SOPInstanceUID"))
      {
        continue;
      }
      instances.emplace_back(number(tags, "SeriesNumber"), series["ID"].asString(),
                             number(instance["MainDicomTags"], "InstanceNumber"), instance["ID"].asString());
    }
  }
  std::sort(instances.begin(), instances.end());

  std::vector<AnalysedImage> images;
  // Of many instances, the middle of each of `most` equal parts.
  const auto count = static_cast<int>(instances.size());
  const int chosen = std::min(count, most);
  for (int i = 0; i < chosen; i++)
  {
    const auto& instance = instances[static_cast<size_t>((2 * i + 1) * count / (2 * chosen))];
    images.push_back(Read(std::get<3>(instance)));
    images.back().orthancSeriesId = std::get<1>(instance);
    if (images.back().columns == 0 || images.back().rows == 0)
    {
      images.pop_back();
    }
  }
  // Of few with many frames, likewise frames.
  std::vector<AnalysedImage> frames;
  const int left = images.empty() ? 0 : std::max(1, most / static_cast<int>(images.size()));
  for (const AnalysedImage& image : images)
  {
    const int some = std::min(image.numberOfFrames, left);
    for (int i = 0; i < some; i++)
    {
      frames.push_back(image);
      frames.back().frame = (2 * i + 1) * image.numberOfFrames / (2 * some) + 1;
    }
  }
  return frames;
}

AnalysedImage Images::Read(const std::string& orthancInstanceId)
{
  AnalysedImage image;
  image.orthancInstanceId = orthancInstanceId;
  image.tags = orthanc_.Get("/instances/" + orthancInstanceId + "/tags?short");
  image.sopClassUid = Tag(image.tags, "0008,0016");
  image.sopInstanceUid = Tag(image.tags, "0008,0018");
  image.seriesInstanceUid = Tag(image.tags, "0020,000e");
  image.columns = Number(image.tags, "0028,0011", 0);
  image.rows = Number(image.tags, "0028,0010", 0);
  image.numberOfFrames = std::max(1, Number(image.tags, "0028,0008", 1));
  return image;
}

std::vector<AnalysedImage> Images::Load(const Json::Value& described, const std::string& orthancStudyId)
{
  std::map<std::string, std::string> moved;  // ids by SOPInstanceUID, once one is not where it was
  const auto find = [&](const Json::Value& item)
  {
    if (moved.empty())
    {
      try
      {
        return Read(item["orthanc_instance_id"].asString());
      }
      catch (const NotFound&)
      {
        for (const Json::Value& instance : orthanc_.Get("/studies/" + orthancStudyId + "/instances"))
        {
          moved[TextOf(instance["MainDicomTags"], "SOPInstanceUID")] = instance["ID"].asString();
        }
      }
    }
    const auto found = moved.find(item["sop_instance_uid"].asString());
    if (found == moved.end())
    {
      throw NotFound("The image is not in the study any more");
    }
    return Read(found->second);
  };
  std::vector<AnalysedImage> images;
  for (const Json::Value& item : described)
  {
    images.push_back(find(item));
    images.back().frame = item["frame"].asInt();
    images.back().orthancSeriesId = item["orthanc_series_id"].asString();
  }
  return images;
}

Json::Value Describe(const std::vector<AnalysedImage>& images)
{
  Json::Value described(Json::arrayValue);
  for (const AnalysedImage& image : images)
  {
    Json::Value item;
    item["orthanc_instance_id"] = image.orthancInstanceId;
    item["orthanc_series_id"] = image.orthancSeriesId;
    item["series_instance_uid"] = image.seriesInstanceUid;
    item["sop_instance_uid"] = image.sopInstanceUid;
    item["frame"] = image.frame;
    described.append(item);
  }
  return described;
}

std::string Identity(const Json::Value& described)
{
  std::string identity;
  for (const Json::Value& item : described)
  {
    identity += item["sop_instance_uid"].asString() + "/" + std::to_string(item["frame"].asInt()) + "\n";
  }
  return identity;
}

std::string Images::Fingerprint(const AnalysedImage& image)
{
  try
  {
    const std::string md5 =
        orthanc_.GetBytes("/instances/" + image.orthancInstanceId + "/attachments/dicom/md5");
    if (!md5.empty())
    {
      return md5;
    }
  }
  catch (const NotFound&)
  {
    // Orthanc keeps none (`StoreMD5ForAttachments`), or the instance is gone: reading it tells.
  }
  return Sha256Of(File(image));
}

std::string Images::File(const AnalysedImage& image)
{
  return orthanc_.GetBytes("/instances/" + image.orthancInstanceId + "/file");
}

std::string Images::Uncompressed(std::string dicom)
{
  const std::string syntax = ScanDicom(dicom).transferSyntax;
  if (syntax == "1.2.840.10008.1.2" || syntax == EXPLICIT_LITTLE_ENDIAN || syntax == "1.2.840.10008.1.2.2")
  {
    return dicom;
  }
  try
  {
    return codec_.Transcode(dicom, EXPLICIT_LITTLE_ENDIAN);
  }
  catch (const BadInput&)
  {
    throw MustNotLeave("The images are not sent: one cannot be decoded");
  }
}

Image Images::Decode(const AnalysedImage& image)
{
  return codec_.DecodeFrame(File(image), static_cast<unsigned>(image.frame - 1));
}

Presentation Images::PresentationOf(const AnalysedImage& image)
{
  return ReadPresentation(orthanc_, image.orthancInstanceId, image.tags);
}

std::string Images::Rendered(const AnalysedImage& image, unsigned longEdge, bool asJpeg)
{
  const Image rendered = Rendered(image, longEdge);
  return asJpeg ? codec_.EncodeJpeg(rendered, JPEG_QUALITY) : codec_.EncodePng(rendered);
}

Image Images::Rendered(const AnalysedImage& image, unsigned longEdge)
{
  return Render(Decode(image), PresentationOf(image), longEdge);
}

std::string BurnedInRisk(const AnalysedImage& image)
{
  const std::string burned = Tag(image.tags, "0028,0301");
  if (burned == "YES")
  {
    return "BurnedInAnnotation is YES";
  }
  if (Tag(image.tags, "0028,0302") == "YES")
  {
    return "RecognizableVisualFeatures is YES";
  }
  // Ultrasound (PS3.4 B.5, and its retired classes), and everything that was captured from a screen or
  // scanned (Secondary Capture and its multi-frame kin; some scanners store their screens as their own
  // images).
  const std::string& sopClass = image.sopClassUid;
  const bool isAtRisk =
      sopClass.starts_with("1.2.840.10008.5.1.4.1.1.6") || sopClass == "1.2.840.10008.5.1.4.1.1.3" ||
      sopClass == "1.2.840.10008.5.1.4.1.1.3.1" || sopClass == "1.2.840.10008.5.1.4.1.1.7" ||
      sopClass.starts_with("1.2.840.10008.5.1.4.1.1.7.") || Tag(image.tags, "0008,0060") == "US" ||
      Tag(image.tags, "0008,0008").find("SCREEN") != std::string::npos;
  if (isAtRisk && burned != "NO")
  {
    return "images of this kind often carry text in their pixels";
  }
  return burned.empty() || burned == "NO" ? "" : "BurnedInAnnotation is neither YES nor NO";
}
}  // namespace OrthancClinic::Analysis
