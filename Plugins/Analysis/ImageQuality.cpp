// SPDX-License-Identifier: GPL-3.0-or-later

#include "ImageQuality.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <set>
#include <vector>

#include "Core/Configuration/Json.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr int SMALLEST = 32;          // pixels of an edge; smaller are thumbnails
constexpr double TOO_CLIPPED = 0.25;  // much of a dental image is air, which may well be clipped
constexpr double TOO_FLAT = 0.05;
constexpr double TOO_NOISY = 20;  // dB
constexpr double TOO_BLURRED = 1e-5;
constexpr double TEXT_JUMP = 0.6;   // of the contrast, between neighbours
constexpr int TEXT_JUMPS = 8;       // of a row
constexpr int TEXT_ROWS = 5;        // the least height of letters
constexpr int EDGE_OF = 10;         // a tenth of the height, above and below
constexpr double BIN = 10;          // HU
constexpr double AIR_FROM = -1150;  // HU
constexpr double AIR_TO = -850;
constexpr double AIR_TOLERANCE = 50;   // HU
constexpr double WATER_TOLERANCE = 4;  // HU; IEC 61223-3-5
constexpr double PEAK_SHARE = 0.01;    // of all pixels, in a bin of 10 HU
constexpr double PHANTOM_SHARE = 0.2;  // so uniform is only a phantom

// The signal of a detector: what it stores is the exposure. Elsewhere the lowest value is simply the air
// around the patient, and most values that could be stored are never used.
bool IsProjection(const std::string& modality)
{
  static const std::set<std::string> MODALITIES = {"DX", "CR", "RG", "IO", "PX", "MG"};
  return MODALITIES.contains(modality);
}

// In which lengths are measured.
bool HasLengths(const AnalysedImage& image, const std::string& modality)
{
  static const std::set<std::string> MODALITIES = {"CT", "MR", "XA", "RF", "US", "NM", "PT"};
  return (IsProjection(modality) || MODALITIES.contains(modality)) &&
         !image.sopClassUid.starts_with("1.2.840.10008.5.1.4.1.1.7");  // of a screen or of paper
}

// Whether the image must say of which side it is: always of these (ImageLaterality, PS3.3 C.8.11.1, C.8.11.7,
// C.8.11.9), of others where the part of the body has a pair (PS3.3 C.7.3.1; PS3.16 annex L).
bool NeedsLaterality(const AnalysedImage& image, const std::string& modality)
{
  static const std::set<std::string> PAIRED = {
      "ANKLE",  "ARM",     "BREAST",   "CALCANEUS", "CLAVICLE", "ELBOW",   "EXTREMITY", "EYE",  "FEMUR",
      "FINGER", "FOOT",    "FOREARM",  "HAND",      "HIP",      "HUMERUS", "KNEE",      "LEG",  "PATELLA",
      "RADIUS", "SCAPULA", "SHOULDER", "THIGH",     "THUMB",    "TIBIA",   "TOE",       "ULNA", "WRIST"};
  return modality == "DX" || modality == "MG" || modality == "IO" ||
         (modality != "PX" && PAIRED.contains(Tag(image.tags, "0018,0015")));
}

// A grey image as numbers.
class Pixels
{
public:
  explicit Pixels(const Image& image) : image_(image) {}

  int At(unsigned x, unsigned y) const
  {
    const size_t at = size_t{y} * image_.width + x;
    switch (image_.format)
    {
      case Image::Format::Gray16:
        return reinterpret_cast<const uint16_t*>(image_.pixels.data())[at];
      case Image::Format::SignedGray16:
        return reinterpret_cast<const int16_t*>(image_.pixels.data())[at];
      default:
        return static_cast<unsigned char>(image_.pixels[at]);
    }
  }

private:
  const Image& image_;
};

// The value below which that share of the pixels lies.
int Percentile(const std::vector<int64_t>& histogram, int lowest, int64_t count, double share)
{
  int64_t below = 0;
  for (size_t i = 0; i < histogram.size(); i++)
  {
    below += histogram[i];
    if (static_cast<double>(below) >= share * static_cast<double>(count))
    {
      return lowest + static_cast<int>(i);
    }
  }
  return lowest;
}

// The middle of the highest peak of the histogram of measured values between two of them, if it is high
// enough.
std::optional<double> Peak(const std::vector<int64_t>& histogram, int lowest,
                           const Presentation& presentation, int64_t count, double from, double to,
                           double share)
{
  std::map<int, std::pair<int64_t, double>> bins;  // number of pixels, sum of their values
  for (size_t i = 1; i + 1 < histogram.size(); i++)
  {
    const double value = presentation.Measured(lowest + static_cast<int>(i));
    if (histogram[i] > 0 && value >= from && value <= to)
    {
      auto& [pixels, sum] = bins[static_cast<int>(std::floor(value / BIN))];
      pixels += histogram[i];
      sum += value * static_cast<double>(histogram[i]);
    }
  }
  const auto highest = std::max_element(bins.begin(), bins.end(),
                                        [](const auto& left, const auto& right)
                                        { return left.second.first < right.second.first; });
  if (highest == bins.end() ||
      static_cast<double>(highest->second.first) < share * static_cast<double>(count))
  {
    return std::nullopt;
  }
  return highest->second.second / static_cast<double>(highest->second.first);
}

int TextRows(const Pixels& pixels, const Image& image, double jump)
{
  int longest = 0;
  const unsigned edge = std::max(1U, image.height / EDGE_OF);
  for (const auto& [begin, end] : {std::pair(0U, edge), std::pair(image.height - edge, image.height)})
  {
    int run = 0;
    for (unsigned y = begin; y < end; y++)
    {
      int jumps = 0;
      for (unsigned x = 1; x < image.width; x++)
      {
        jumps += std::abs(pixels.At(x, y) - pixels.At(x - 1, y)) >= jump ? 1 : 0;
      }
      run = jumps >= TEXT_JUMPS ? run + 1 : 0;
      longest = std::max(longest, run);
    }
  }
  return longest;
}

struct Texts
{
  const char* severity;
  const char* en;
  const char* fr;
  const char* es;
  const char* zh;
};

const Texts& TextsOf(const std::string& kind)
{
  static const std::map<std::string, Texts> TEXTS = {
      {"quality.measured",
       {"info", "Image quality was measured.", "La qualité de l'image a été mesurée.",
        "Se midió la calidad de la imagen.", "已测量图像质量。"}},
      {"quality.not_measured",
       {"info", "The pixels could not be measured (colours, compression, or too small).",
        "Les pixels n'ont pas pu être mesurés (couleurs, compression, ou image trop petite).",
        "No se pudieron medir los píxeles (colores, compresión o imagen demasiado pequeña).",
        "无法测量像素（彩色、压缩格式或图像过小）。"}},
      {"quality.blank",
       {"moderate", "The image shows nothing: nearly all of its pixels have the same value.",
        "L'image ne montre rien : presque tous ses pixels ont la même valeur.",
        "La imagen no muestra nada: casi todos sus píxeles tienen el mismo valor.",
        "图像无内容：几乎所有像素的值相同。"}},
      {"quality.overexposed",
       {"moderate", "A large part of the image has the highest value that can be stored: detail is lost.",
        "Une grande partie de l'image a la valeur maximale : des détails sont perdus.",
        "Gran parte de la imagen tiene el valor máximo: se pierden detalles.",
        "图像大部分为最大值：细节丢失。"}},
      {"quality.underexposed",
       {"moderate", "A large part of the image has the lowest value that can be stored: detail is lost.",
        "Une grande partie de l'image a la valeur minimale : des détails sont perdus.",
        "Gran parte de la imagen tiene el valor mínimo: se pierden detalles.",
        "图像大部分为最小值：细节丢失。"}},
      {"quality.low_contrast",
       {"moderate", "The image uses very few of the values that can be stored.",
        "L'image n'utilise que très peu des valeurs possibles.",
        "La imagen usa muy pocos de los valores posibles.", "图像仅使用了很少的灰度值。"}},
      {"quality.noise",
       {"moderate", "The image is noisy.", "L'image est bruitée.", "La imagen tiene ruido.",
        "图像噪声较大。"}},
      {"quality.blur",
       {"moderate", "The image is blurred; the patient may have moved.",
        "L'image est floue; le patient a peut-être bougé.",
        "La imagen está borrosa; es posible que el paciente se haya movido.", "图像模糊；患者可能移动。"}},
      {"quality.burned_in_text",
       {"low", "There seems to be text in the pixels along an edge.",
        "Il semble y avoir du texte dans les pixels le long d'un bord.",
        "Parece haber texto en los píxeles a lo largo de un borde.", "图像边缘的像素中似乎含有文字。"}},
      {"quality.laterality_missing",
       {"low", "Laterality is not given.", "La latéralité n'est pas indiquée.",
        "No se indica la lateralidad.", "未标明左右侧。"}},
      {"quality.laterality_contradictory",
       {"high", "The laterality of the series and that of the image differ.",
        "La latéralité de la série et celle de l'image diffèrent.",
        "La lateralidad de la serie y la de la imagen difieren.", "序列与图像的左右侧标记不一致。"}},
      {"quality.orientation_missing",
       {"low", "The orientation of the patient is not given.", "L'orientation du patient n'est pas indiquée.",
        "No se indica la orientación del paciente.", "未标明患者方位。"}},
      {"quality.spacing_missing",
       {"low", "The spacing of the pixels is not given: lengths cannot be measured.",
        "L'espacement des pixels n'est pas indiqué : les longueurs ne peuvent pas être mesurées.",
        "No se indica el espaciado de los píxeles: no se pueden medir longitudes.",
        "未标明像素间距：无法测量长度。"}},
      {"quality.ct_air",
       {"moderate", "The CT number of air is not near -1000 HU.",
        "Le nombre CT de l'air n'est pas proche de -1000 UH.",
        "El número CT del aire no está cerca de -1000 UH.", "空气的CT值偏离-1000 HU。"}},
      {"quality.ct_water",
       {"moderate", "The CT number of water is not near 0 HU.",
        "Le nombre CT de l'eau n'est pas proche de 0 UH.", "El número CT del agua no está cerca de 0 UH.",
        "水的CT值偏离0 HU。"}}};
  return TEXTS.at(kind);
}

Json::Value NewFinding(const std::string& kind, const AnalysedImage& image)
{
  const Texts& texts = TextsOf(kind);
  Json::Value finding;
  finding["kind"] = kind;
  finding["severity"] = texts.severity;
  finding["text"]["en"] = texts.en;
  finding["text"]["fr"] = texts.fr;
  finding["text"]["es"] = texts.es;
  finding["text"]["zh"] = texts.zh;
  finding["image"] = image.sopInstanceUid;
  if (image.numberOfFrames > 1)
  {
    finding["frame"] = image.frame;
  }
  return finding;
}

void AddMeasurement(Json::Value& finding, const char* name, double value, const char* unit)
{
  Json::Value measurement;
  measurement["name"] = name;
  measurement["value"] = std::round(value * 1e6) / 1e6;
  measurement["unit"] = unit;
  finding["measurements"].append(measurement);
}
}  // namespace

std::optional<QualityMeasures> Measure(const Image& stored, const Presentation& presentation, bool isCt)
{
  if (stored.format == Image::Format::Rgb24 || stored.width < SMALLEST || stored.height < SMALLEST)
  {
    return std::nullopt;
  }
  const Pixels pixels(stored);
  const int levels = 1 << (stored.format == Image::Format::Gray8 ? 8 : presentation.bitsStored);
  const bool isSigned = stored.format == Image::Format::SignedGray16;
  const int lowest = isSigned ? -levels / 2 : 0;
  const int highest = lowest + levels - 1;

  std::vector<int64_t> histogram(static_cast<size_t>(levels));
  int64_t count = 0;
  for (unsigned y = 0; y < stored.height; y++)
  {
    for (unsigned x = 0; x < stored.width; x++)
    {
      const int value = std::clamp(pixels.At(x, y), lowest, highest);
      if (!presentation.IsPadding(value))
      {
        histogram[static_cast<size_t>(value - lowest)]++;
        count++;
      }
    }
  }
  if (count == 0)
  {
    return std::nullopt;
  }
  QualityMeasures measures;
  measures.lowClipped = static_cast<double>(histogram.front()) / static_cast<double>(count);
  measures.highClipped = static_cast<double>(histogram.back()) / static_cast<double>(count);
  if (presentation.inverted)
  {
    std::swap(measures.lowClipped, measures.highClipped);
  }
  const double contrast =
      Percentile(histogram, lowest, count, 0.99) - Percentile(histogram, lowest, count, 0.01);
  measures.contrast = contrast / (levels - 1);

  // Convolution with (1 -2 1; -2 4 -2; 1 -2 1), which answers neither to edges nor to slopes; and with the
  // Laplacian.
  double noise = 0;
  double sum = 0;
  double squares = 0;
  for (unsigned y = 1; y + 1 < stored.height; y++)
  {
    for (unsigned x = 1; x + 1 < stored.width; x++)
    {
      const int cross = pixels.At(x - 1, y) + pixels.At(x + 1, y) + pixels.At(x, y - 1) + pixels.At(x, y + 1);
      const int corners = pixels.At(x - 1, y - 1) + pixels.At(x + 1, y - 1) + pixels.At(x - 1, y + 1) +
                          pixels.At(x + 1, y + 1);
      const int middle = pixels.At(x, y);
      noise += std::abs(corners - 2 * cross + 4 * middle);
      const double laplacian = cross - 4 * middle;
      sum += laplacian;
      squares += laplacian * laplacian;
    }
  }
  const double inner = (stored.width - 2.0) * (stored.height - 2.0);
  const double sigma = std::sqrt(std::numbers::pi / 2) * noise / (6 * inner);
  if (contrast > 0)
  {
    measures.signalToNoise = 20 * std::log10(contrast / std::max(sigma, 1e-3));
    measures.sharpness = (squares / inner - (sum / inner) * (sum / inner)) / (contrast * contrast);
    measures.textRows = TextRows(pixels, stored, TEXT_JUMP * contrast);
  }
  if (isCt)
  {
    measures.air = Peak(histogram, lowest, presentation, count, AIR_FROM, AIR_TO, PEAK_SHARE);
    if (measures.air && (*measures.air < AIR_FROM + BIN || *measures.air > AIR_TO - BIN))
    {
      measures.air.reset();  // at an end of the range: the slope of a peak that lies beyond
    }
    measures.water = Peak(histogram, lowest, presentation, count, -20, 20, PHANTOM_SHARE);
  }
  return measures;
}

Json::Value QualityFindings(const AnalysedImage& image, const std::optional<QualityMeasures>& measures)
{
  const std::string modality = Tag(image.tags, "0008,0060");
  const bool isProjection = IsProjection(modality);
  Json::Value findings(Json::arrayValue);
  const auto add = [&](const std::string& kind) { findings.append(NewFinding(kind, image)); };
  if (!measures)
  {
    add("quality.not_measured");
  }
  else
  {
    Json::Value measured = NewFinding("quality.measured", image);
    AddMeasurement(measured, "Clipped at the highest value", 100 * measures->highClipped, "%");
    AddMeasurement(measured, "Clipped at the lowest value", 100 * measures->lowClipped, "%");
    AddMeasurement(measured, "Contrast", 100 * measures->contrast, "%");
    if (measures->signalToNoise && measures->sharpness)
    {
      AddMeasurement(measured, "Signal to noise ratio", *measures->signalToNoise, "dB");
      AddMeasurement(measured, "Sharpness", *measures->sharpness, "1");
    }
    if (measures->air)
    {
      AddMeasurement(measured, "CT number of air", *measures->air, "[hnsf'U]");
    }
    if (measures->water)
    {
      AddMeasurement(measured, "CT number of water", *measures->water, "[hnsf'U]");
    }
    findings.append(measured);
    const std::pair<const char*, bool> wrong[] = {
        {"quality.blank", measures->contrast <= 0},
        {"quality.overexposed", isProjection && measures->highClipped > TOO_CLIPPED},
        {"quality.underexposed", isProjection && measures->lowClipped > TOO_CLIPPED},
        {"quality.low_contrast", isProjection && measures->contrast > 0 && measures->contrast < TOO_FLAT},
        {"quality.noise", measures->signalToNoise && *measures->signalToNoise < TOO_NOISY},
        {"quality.blur", measures->sharpness && *measures->sharpness < TOO_BLURRED},
        {"quality.burned_in_text", measures->textRows >= TEXT_ROWS},
        {"quality.ct_air", measures->air && std::abs(*measures->air + 1000) > AIR_TOLERANCE},
        {"quality.ct_water", measures->water && std::abs(*measures->water) > WATER_TOLERANCE}};
    for (const auto& [kind, isWrong] : wrong)
    {
      if (isWrong)
      {
        add(kind);
      }
    }
  }

  if (isProjection)
  {
    // Laterality of the series (0020,0060) and of the image (0020,0062); PS3.3 C.7.3.1 and C.8.11.1.
    const std::string ofSeries = Tag(image.tags, "0020,0060");
    const std::string ofImage = Tag(image.tags, "0020,0062");
    if (!ofSeries.empty() && !ofImage.empty() && ofSeries != ofImage)
    {
      add("quality.laterality_contradictory");
    }
    else if (ofSeries.empty() && ofImage.empty() && NeedsLaterality(image, modality))
    {
      add("quality.laterality_missing");
    }
    if (Tag(image.tags, "0020,0020").empty())
    {
      add("quality.orientation_missing");
    }
  }
  // PixelSpacing, ImagerPixelSpacing, NominalScannedPixelSpacing; for an enhanced image it is in the
  // functional groups, shared or of each frame, for ultrasound in its regions.
  if (HasLengths(image, modality) && Tag(image.tags, "0028,0030").empty() &&
      Tag(image.tags, "0018,1164").empty() && Tag(image.tags, "0018,2010").empty() &&
      image.tags["5200,9229"].empty() && image.tags["5200,9230"].empty() && image.tags["0018,6011"].empty())
  {
    add("quality.spacing_missing");
  }
  return findings;
}
}  // namespace OrthancClinic::Analysis
