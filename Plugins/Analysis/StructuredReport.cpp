// SPDX-License-Identifier: GPL-3.0-or-later

#include "StructuredReport.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmsr/dsrdoc.h>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "Codes.h"
#include "Core/Configuration/Json.h"
#include "Core/Dicom/Text.h"
#include "Core/Dicom/Uid.h"
#include "Core/Errors.h"
#include "DicomDataset.h"
#include "Language.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr size_t LONGEST = 64;  // bytes of a component of PN

DSRCodedEntryValue Entry(const Code& code)
{
  return {code.value.c_str(), code.scheme.c_str(), code.meaning.c_str()};
}

// As DICOM can hold it (PS3.5 6.1.3, 6.2): of the control characters, line breaks alone.
std::string Printable(const std::string& text)
{
  std::string printable;
  for (const char c : text)
  {
    const auto byte = static_cast<unsigned char>(c);
    printable += c == '\n' ? "\r\n" : c == '\r' ? "" : byte < 0x20 || byte == 0x7f ? " " : std::string(1, c);
  }
  return printable;
}

// The name of a user, as one of a person: without what separates names, and their ways of writing.
std::string NameOfUser(std::string name)
{
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '=' || c == '\\'; }, ' ');
  return CleanText(name, LONGEST);
}

DSRCodedEntryValue Dcm(const char* code, const char* meaning)
{
  return {code, "DCM", meaning};
}

const char* ClassOf(const MadeObject& object)
{
  return object.isOverlay ? UID_SecondaryCaptureImageStorage : UID_ComprehensiveSRStorage;
}

// The tree while it grows. Whatever DCMTK refuses is our own mistake, or a text that DICOM cannot hold.
class Tree
{
public:
  explicit Tree(DSRDocumentTree& tree) : tree_(tree) {}

  // Adds the last child of `parent` (0: the root) and makes it the current one.
  size_t Add(size_t parent, DSRTypes::E_RelationshipType relationship, DSRTypes::E_ValueType type,
             const DSRCodedEntryValue& concept_)
  {
    if (parent > 0 && tree_.gotoNode(parent) == 0)
    {
      throw Unavailable("The report cannot be made: a node is missing");
    }
    const size_t node = tree_.addContentItem(relationship, type, DSRTypes::AM_belowCurrent);
    if (node == 0)
    {
      throw Unavailable("The report cannot be made: a relationship is not allowed");
    }
    if (!concept_.isEmpty())
    {
      CheckDicom(tree_.getCurrentContentItem().setConceptName(concept_));
    }
    return node;
  }

  size_t Container(size_t parent, DSRTypes::E_RelationshipType relationship,
                   const DSRCodedEntryValue& concept_)
  {
    return Add(parent, relationship, DSRTypes::VT_Container, concept_);
  }

  // Nothing if the text is blank: readers refuse such an item, and the report with it.
  void Text(size_t parent, DSRTypes::E_RelationshipType relationship, const DSRCodedEntryValue& concept_,
            const std::string& text)
  {
    const std::string printable = Printable(text);
    if (printable.find_first_not_of(" \r\n") == std::string::npos)
    {
      return;
    }
    Add(parent, relationship, DSRTypes::VT_Text, concept_);
    CheckDicom(tree_.getCurrentContentItem().setStringValue(printable.c_str()));
  }

  void Uid(size_t parent, DSRTypes::E_RelationshipType relationship, const DSRCodedEntryValue& concept_,
           const std::string& uid)
  {
    Add(parent, relationship, DSRTypes::VT_UIDRef, concept_);
    CheckDicom(tree_.getCurrentContentItem().setStringValue(uid.c_str()));
  }

  void Code(size_t parent, DSRTypes::E_RelationshipType relationship, const DSRCodedEntryValue& concept_,
            const DSRCodedEntryValue& value)
  {
    Add(parent, relationship, DSRTypes::VT_Code, concept_);
    CheckDicom(tree_.getCurrentContentItem().setCodeValue(value));
  }

  void Number(size_t parent, const DSRCodedEntryValue& concept_, double value, const std::string& unit)
  {
    Add(parent, DSRTypes::RT_contains, DSRTypes::VT_Num, concept_);
    // A decimal string has at most 16 characters (PS3.5 6.2).
    CheckDicom(tree_.getCurrentContentItem().setNumericValue(DSRNumericMeasurementValue(
        fmt::format("{:.9g}", value).c_str(), DSRCodedEntryValue(unit.c_str(), "UCUM", UnitMeaning(unit)))));
  }

  void Image(size_t parent, DSRTypes::E_RelationshipType relationship, const DSRCodedEntryValue& concept_,
             const AnalysedImage& image)
  {
    Add(parent, relationship, DSRTypes::VT_Image, concept_);
    // Not checked: modalities write identifiers that are none, and the reference must be the same text.
    DSRImageReferenceValue reference(image.sopClassUid.c_str(), image.sopInstanceUid.c_str(), OFFalse);
    if (image.numberOfFrames > 1)
    {
      reference.getFrameList().addItem(image.frame);
    }
    CheckDicom(tree_.getCurrentContentItem().setImageReference(reference, OFFalse));
  }

  void Person(size_t parent, DSRTypes::E_RelationshipType relationship, const DSRCodedEntryValue& concept_,
              const std::string& name)
  {
    Add(parent, relationship, DSRTypes::VT_PName, concept_);
    CheckDicom(tree_.getCurrentContentItem().setStringValue(name.c_str()));
  }

  void Object(size_t parent, const MadeObject& object)
  {
    const char* const sopClassUid = ClassOf(object);
    const char* const sopInstanceUid = object.sopInstanceUid.c_str();
    Add(parent, DSRTypes::RT_contains, object.isOverlay ? DSRTypes::VT_Image : DSRTypes::VT_Composite,
        DSRCodedEntryValue());
    DSRContentItem& item = tree_.getCurrentContentItem();
    CheckDicom(object.isOverlay
                   ? item.setImageReference(DSRImageReferenceValue(sopClassUid, sopInstanceUid))
                   : item.setCompositeReference(DSRCompositeReferenceValue(sopClassUid, sopInstanceUid)));
  }

  void Region(size_t parent, const Json::Value& points, const AnalysedImage& image)
  {
    const size_t node =
        Add(parent, DSRTypes::RT_contains, DSRTypes::VT_SCoord, Dcm("111030", "Image Region"));
    DSRSpatialCoordinatesValue coordinates(DSRTypes::GT_Polyline);
    for (const Json::Value& point : points)
    {
      coordinates.getGraphicDataList().addItem(point[0].asFloat(), point[1].asFloat());
    }
    coordinates.getGraphicDataList().addItem(points[0][0].asFloat(), points[0][1].asFloat());  // closed
    CheckDicom(tree_.getCurrentContentItem().setSpatialCoordinates(coordinates));
    Image(node, DSRTypes::RT_selectedFrom, DSRCodedEntryValue(), image);
  }

private:
  static const char* UnitMeaning(const std::string& unit)
  {
    return unit == "1"          ? "no units"
           : unit == "%"        ? "percent"
           : unit == "[hnsf'U]" ? "Hounsfield unit"
                                : unit.c_str();
  }

  DSRDocumentTree& tree_;
};

// The corners of a box.
Json::Value Corners(const Json::Value& box)
{
  const double left = box[0].asDouble();
  const double top = box[1].asDouble();
  const double right = left + box[2].asDouble();
  const double bottom = top + box[3].asDouble();
  Json::Value points;
  for (const auto& [x, y] :
       {std::pair(left, top), std::pair(right, top), std::pair(right, bottom), std::pair(left, bottom)})
  {
    Json::Value point;
    point.append(x);
    point.append(y);
    points.append(point);
  }
  return points;
}

// TID 4019.
void AddAlgorithm(Tree& tree, size_t parent, const ReportContent& content)
{
  tree.Text(parent, DSRTypes::RT_hasConceptMod, Dcm("111001", "Algorithm Name"), content.algorithm);
  tree.Text(parent, DSRTypes::RT_hasConceptMod, Dcm("111003", "Algorithm Version"), content.algorithmVersion);
}

// TID 1410 with a region, else TID 1501.
void AddFinding(Tree& tree, size_t parent, const ReportContent& content, Json::ArrayIndex number,
                const Json::Value& finding)
{
  const std::string& language = content.analysis.language;
  const AnalysedImage* image = nullptr;
  for (const AnalysedImage& one : content.images)
  {
    if (one.sopInstanceUid == finding["image"].asString() &&
        one.frame == finding.get("frame", one.frame).asInt())
    {
      image = &one;
    }
  }
  if (image == nullptr)
  {
    throw Unavailable("The report cannot be made: an image is missing");
  }
  const size_t group = tree.Container(parent, DSRTypes::RT_contains, Dcm("125007", "Measurement Group"));
  tree.Text(group, DSRTypes::RT_hasObsContext, Dcm("112039", "Tracking Identifier"),
            fmt::format("{} {}{}", finding["kind"].asString(), number + 1,
                        finding.isMember("tooth") ? " (FDI " + finding["tooth"].asString() + ")" : ""));
  tree.Uid(group, DSRTypes::RT_hasObsContext, Dcm("112040", "Tracking Unique Identifier"),
           UidOf(fmt::format("analysis/{}/finding/{}", content.analysis.id, number)));
  AddAlgorithm(tree, group, content);
  tree.Code(group, DSRTypes::RT_contains, Dcm("121071", "Finding"),
            Entry(CodeOfKind(finding["kind"].asString())));
  const DSRCodedEntryValue site("363698007", "SCT", "Finding Site");
  if (finding.isMember("tooth"))
  {
    tree.Code(group, DSRTypes::RT_hasConceptMod, site, Entry(CodeOfTooth(finding["tooth"].asString())));
  }
  else if (finding.isMember("region"))
  {
    const Json::Value& region = finding["region"];
    tree.Code(group, DSRTypes::RT_hasConceptMod, site,
              DSRCodedEntryValue(region["code"].asCString(), region["scheme"].asCString(),
                                 ShortText(region["meaning"].asString()).c_str()));
  }
  if (finding.isMember("polygon") || finding.isMember("box"))
  {
    tree.Region(group, finding.isMember("polygon") ? finding["polygon"] : Corners(finding["box"]), *image);
  }
  else
  {
    tree.Image(group, DSRTypes::RT_contains, Dcm("121112", "Source of Measurement"), *image);
  }
  if (finding.isMember("confidence"))
  {
    tree.Number(group, Dcm("111012", "Certainty of Finding"), 100 * finding["confidence"].asDouble(), "%");
  }
  for (const Json::Value& measurement : finding["measurements"])
  {
    const std::string name = ShortText(measurement["name"].asString());
    tree.Number(group, DSRCodedEntryValue(name.c_str(), OWN_SCHEME, name.c_str()),
                measurement["value"].asDouble(), measurement["unit"].asString());
  }
  tree.Code(group, DSRTypes::RT_contains, DSRCodedEntryValue("severity", OWN_SCHEME, "Severity"),
            DSRCodedEntryValue(finding["severity"].asCString(), OWN_SCHEME, finding["severity"].asCString()));
  tree.Text(group, DSRTypes::RT_contains, Dcm("121106", "Comment"), TextIn(finding["text"], language));
  tree.Text(group, DSRTypes::RT_contains, Dcm("121075", "Recommendation"),
            TextIn(finding["recommendation"], language));
}

DSRCodedEntryValue Procedure(const std::string& modality)
{
  return modality == "CT"   ? DSRCodedEntryValue("77477000", "SCT", "Computed tomography")
         : modality == "MR" ? DSRCodedEntryValue("113091000", "SCT", "Magnetic resonance imaging")
         : modality == "US" ? DSRCodedEntryValue("16310003", "SCT", "Ultrasonography")
                            : DSRCodedEntryValue("363680008", "SCT", "Radiographic imaging procedure");
}

void Fill(DSRDocument& document, const ReportContent& content)
{
  const Language& language = LanguageOf(content.analysis.language);
  const std::string modality = Tag(content.images.front().tags, "0008,0060");
  Tree tree(document.getTree());
  const size_t root = tree.Container(0, DSRTypes::RT_isRoot, Dcm("126000", "Imaging Measurement Report"));
  CheckDicom(document.getTree().getCurrentContentItem().setTemplateIdentification("1500", "DCMR"));
  tree.Code(root, DSRTypes::RT_hasConceptMod, Dcm("121049", "Language of Content Item and Descendants"),
            DSRCodedEntryValue(language.code, "RFC5646", language.name));
  // TID 1001, 1004: a device.
  tree.Code(root, DSRTypes::RT_hasObsContext, Dcm("121005", "Observer Type"), Dcm("121007", "Device"));
  tree.Uid(root, DSRTypes::RT_hasObsContext, Dcm("121012", "Device Observer UID"),
           UidOf("analysis/provider/" + content.analysis.provider));
  tree.Text(root, DSRTypes::RT_hasObsContext, Dcm("121013", "Device Observer Name"),
            content.analysis.provider);
  tree.Text(root, DSRTypes::RT_hasObsContext, Dcm("121015", "Device Observer Model Name"), content.algorithm);
  tree.Code(root, DSRTypes::RT_hasConceptMod, Dcm("121058", "Procedure reported"), Procedure(modality));

  // TID 1600.
  const size_t library = tree.Container(root, DSRTypes::RT_contains, Dcm("111028", "Image Library"));
  const size_t group = tree.Container(library, DSRTypes::RT_contains, Dcm("126200", "Image Library Group"));
  tree.Code(group, DSRTypes::RT_hasAcqContext, Dcm("121139", "Modality"),
            DSRCodedEntryValue(modality.c_str(), "DCM", modality.c_str()));
  std::set<std::string> listed;
  for (const AnalysedImage& image : content.images)
  {
    if (listed.insert(image.sopInstanceUid).second)
    {
      AnalysedImage whole = image;
      whole.numberOfFrames = 1;  // all its frames
      tree.Image(group, DSRTypes::RT_contains, DSRCodedEntryValue(), whole);
    }
  }

  const Json::Value& findings = content.result["findings"];
  if (!findings.empty())
  {
    const size_t measurements =
        tree.Container(root, DSRTypes::RT_contains, Dcm("126010", "Imaging Measurements"));
    for (Json::ArrayIndex i = 0; i < findings.size(); i++)
    {
      AddFinding(tree, measurements, content, i, findings[i]);
    }
  }
  const size_t evaluations = tree.Container(
      root, DSRTypes::RT_contains, DSRCodedEntryValue("C0034375", "UMLS", "Qualitative Evaluations"));
  std::string summary = TextIn(content.result["summary"], content.analysis.language);
  summary = summary.empty() && findings.empty() ? language.nothing : summary;
  tree.Text(evaluations, DSRTypes::RT_contains, Dcm("121111", "Summary"), summary);
  tree.Text(evaluations, DSRTypes::RT_contains, Dcm("121106", "Comment"), language.disclaimer);
  tree.Text(evaluations, DSRTypes::RT_contains, Dcm("121106", "Comment"), content.comment);
}

// As a file, with the study's attributes and identifiers that are the same however often it is made.
std::string Write(DSRDocument& document, const Json::Value& tags, const std::string& seriesInstanceUid,
                  const std::string& sopInstanceUid)
{
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  CheckDicom(document.write(dataset));
  CopyStudyAttributes(dataset, tags);
  CheckDicom(dataset.putAndInsertString(DCM_SOPInstanceUID, sopInstanceUid.c_str()));
  CheckDicom(dataset.putAndInsertString(DCM_SeriesInstanceUID, seriesInstanceUid.c_str()));
  return WriteDicom(file);
}
}  // namespace

std::string MakeReport(const ReportContent& content)
{
  const bool verified = !content.verifiedBy.empty();
  const std::string studyUid = content.analysis.studyInstanceUid;
  DSRDocument document(DSRTypes::DT_ComprehensiveSR);
  CheckDicom(document.createNewSeriesInStudy(studyUid.c_str(), OFFalse));
  CheckDicom(document.setSpecificCharacterSetType(DSRTypes::CS_UTF8));
  document.getCodingSchemeIdentification().addItem(OWN_SCHEME);
  CheckDicom(document.getCodingSchemeIdentification().setCodingSchemeName("Findings of Orthanc Clinic"));
  CheckDicom(document.setManufacturer("Orthanc Clinic"));
  CheckDicom(document.setManufacturerModelName(ShortText(content.algorithm).c_str(), OFFalse));
  CheckDicom(document.setDeviceSerialNumber(content.analysis.provider.c_str(), OFFalse));
  CheckDicom(document.setSoftwareVersions(content.algorithmVersion.c_str(), OFFalse));
  CheckDicom(document.setSeriesDescription(
      (verified ? "AI findings, reviewed" : "AI findings, not verified: " + content.analysis.provider)
          .c_str(),
      OFFalse));
  CheckDicom(document.setSeriesNumber(verified ? "991" : "990"));
  Fill(document, content);
  for (const AnalysedImage& image : content.images)
  {
    CheckDicom(document.getCurrentRequestedProcedureEvidence().addItem(
        studyUid.c_str(), image.seriesInstanceUid.c_str(), image.sopClassUid.c_str(),
        image.sopInstanceUid.c_str(), OFFalse));
  }
  if (verified)
  {
    CheckDicom(document.getPredecessorDocuments().addItem(
        studyUid.c_str(), content.analysis.ReportSeriesUid(false).c_str(), UID_ComprehensiveSRStorage,
        content.analysis.ReportUid().c_str(), OFFalse));
    CheckDicom(document.completeDocument());
    CheckDicom(document.verifyDocument(NameOfUser(content.verifiedBy).c_str(),
                                       ShortText(content.organization).c_str(), "", OFFalse));
  }

  return Write(document, content.images.front().tags, content.analysis.ReportSeriesUid(verified),
               verified ? content.analysis.VerifiedReportUid() : content.analysis.ReportUid());
}

std::string MakeRejectionNote(const Analysis& analysis, const Json::Value& tags,
                              const std::vector<MadeObject>& rejected)
{
  DSRDocument document(DSRTypes::DT_KeyObjectSelectionDocument);
  CheckDicom(document.createNewSeriesInStudy(analysis.studyInstanceUid.c_str(), OFFalse));
  CheckDicom(document.setSpecificCharacterSetType(DSRTypes::CS_UTF8));
  CheckDicom(document.setManufacturer("Orthanc Clinic"));
  CheckDicom(document.setSeriesDescription(("AI findings, rejected: " + analysis.provider).c_str(), OFFalse));
  CheckDicom(document.setSeriesNumber("992"));
  Tree tree(document.getTree());
  const size_t root = tree.Container(0, DSRTypes::RT_isRoot, Dcm("113001", "Rejected for Quality Reasons"));
  CheckDicom(document.getTree().getCurrentContentItem().setTemplateIdentification("2010", "DCMR"));
  tree.Code(root, DSRTypes::RT_hasConceptMod, Dcm("113011", "Document Title Modifier"),
            Dcm("111220", "Other failure"));
  // TID 1002, 1003.
  tree.Code(root, DSRTypes::RT_hasObsContext, Dcm("121005", "Observer Type"), Dcm("121006", "Person"));
  tree.Person(root, DSRTypes::RT_hasObsContext, Dcm("121008", "Person Observer Name"),
              NameOfUser(analysis.reviewedBy));
  tree.Text(root, DSRTypes::RT_contains, Dcm("113012", "Key Object Description"),
            analysis.review["comment"].asString());
  for (const MadeObject& object : rejected)
  {
    tree.Object(root, object);
    CheckDicom(document.getCurrentRequestedProcedureEvidence().addItem(
        analysis.studyInstanceUid.c_str(), object.seriesInstanceUid.c_str(), ClassOf(object),
        object.sopInstanceUid.c_str(), OFFalse));
  }
  return Write(document, tags, analysis.RejectionNoteSeriesUid(), analysis.RejectionNoteUid());
}
}  // namespace OrthancClinic::Analysis
