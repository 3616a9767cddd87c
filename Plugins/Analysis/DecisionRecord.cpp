// SPDX-License-Identifier: GPL-3.0-or-later

#include "DecisionRecord.h"

#include <fmt/format.h>

#include <map>

#include "Core/Configuration/Json.h"
#include "Language.h"

namespace OrthancClinic::Analysis
{
namespace
{
enum Label
{
  Title,
  MadeBySoftware,
  StudyLabel,
  RequestedBy,
  Software,
  Instructions,
  InformationUsed,
  SentTo,
  Assessment,
  Checksum,
  Factors,
  NoFactors,
  Confidence,
  PatientTold,
  Yes,
  No,
  NotRecorded,
  ReviewedBy,
  NotReviewed,
  Decision,
  Accepted,
  Edited,
  Rejected,
  Changed,
  Comment,
  Looked
};

const std::map<Label, const char*>& Labels(const std::string& language)
{
  static const std::map<std::string, std::map<Label, const char*>> LABELS = {
      {"en",
       {{Title, "Record of an analysis by software"},
        {MadeBySoftware, "These findings were made by software. They are not a diagnosis."},
        {StudyLabel, "Study"},
        {RequestedBy, "Requested by"},
        {Software, "Software"},
        {Instructions, "Version of the instructions"},
        {InformationUsed, "Personal information used: images, without name or other identity"},
        {SentTo, "Sent to"},
        {Assessment, "Privacy impact assessment"},
        {Checksum, "SHA-256 of what was sent"},
        {Factors, "Principal factors: what the software found"},
        {NoFactors, "Nothing"},
        {Confidence, "confidence that the software gave"},
        {PatientTold, "Was the patient told?"},
        {Yes, "Yes"},
        {No, "No"},
        {NotRecorded, "Not recorded"},
        {ReviewedBy, "Reviewed by"},
        {NotReviewed, "Not reviewed by a person"},
        {Decision, "Decision"},
        {Accepted, "accepted as it is"},
        {Edited, "changed"},
        {Rejected, "rejected"},
        {Changed, "What the person left of it"},
        {Comment, "Comment"},
        {Looked, "Seconds between opening the result and deciding"}}},
      {"fr",
       {{Title, "Registre d'une analyse par un logiciel"},
        {MadeBySoftware,
         "Ces observations ont été produites par un logiciel. Elles ne sont pas un diagnostic."},
        {StudyLabel, "Examen"},
        {RequestedBy, "Demandée par"},
        {Software, "Logiciel"},
        {Instructions, "Version des instructions"},
        {InformationUsed, "Renseignements personnels utilisés : images, sans nom ni autre identité"},
        {SentTo, "Transmises à"},
        {Assessment, "Évaluation des facteurs relatifs à la vie privée"},
        {Checksum, "SHA-256 de ce qui a été transmis"},
        {Factors, "Principaux facteurs : ce que le logiciel a observé"},
        {NoFactors, "Rien"},
        {Confidence, "degré de certitude donné par le logiciel"},
        {PatientTold, "Le patient a-t-il été informé?"},
        {Yes, "Oui"},
        {No, "Non"},
        {NotRecorded, "Non consigné"},
        {ReviewedBy, "Révisée par"},
        {NotReviewed, "Non révisée par une personne"},
        {Decision, "Décision"},
        {Accepted, "acceptée telle quelle"},
        {Edited, "modifiée"},
        {Rejected, "rejetée"},
        {Changed, "Ce que la personne en a gardé"},
        {Comment, "Commentaire"},
        {Looked, "Secondes entre l'ouverture du résultat et la décision"}}},
      {"es",
       {{Title, "Registro de un análisis por programa"},
        {MadeBySoftware, "Estos hallazgos fueron generados por un programa. No son un diagnóstico."},
        {StudyLabel, "Estudio"},
        {RequestedBy, "Solicitado por"},
        {Software, "Programa"},
        {Instructions, "Versión de las instrucciones"},
        {InformationUsed, "Información personal utilizada: imágenes, sin nombre ni otra identidad"},
        {SentTo, "Enviadas a"},
        {Assessment, "Evaluación de impacto en la privacidad"},
        {Checksum, "SHA-256 de lo enviado"},
        {Factors, "Factores principales: lo que encontró el programa"},
        {NoFactors, "Nada"},
        {Confidence, "certeza indicada por el programa"},
        {PatientTold, "¿Se informó al paciente?"},
        {Yes, "Sí"},
        {No, "No"},
        {NotRecorded, "No consta"},
        {ReviewedBy, "Revisado por"},
        {NotReviewed, "No revisado por una persona"},
        {Decision, "Decisión"},
        {Accepted, "aceptado sin cambios"},
        {Edited, "modificado"},
        {Rejected, "rechazado"},
        {Changed, "Lo que la persona conservó"},
        {Comment, "Comentario"},
        {Looked, "Segundos entre abrir el resultado y decidir"}}},
      {"zh",
       {{Title, "软件分析记录"},
        {MadeBySoftware, "以下发现由软件生成，不是诊断。"},
        {StudyLabel, "检查"},
        {RequestedBy, "申请人"},
        {Software, "软件"},
        {Instructions, "指令版本"},
        {InformationUsed, "所用个人信息：图像，不含姓名或其他身份信息"},
        {SentTo, "发送至"},
        {Assessment, "隐私影响评估"},
        {Checksum, "所发送内容的SHA-256"},
        {Factors, "主要因素：软件的发现"},
        {NoFactors, "无"},
        {Confidence, "软件给出的置信度"},
        {PatientTold, "是否已告知患者？"},
        {Yes, "是"},
        {No, "否"},
        {NotRecorded, "未记录"},
        {ReviewedBy, "审阅人"},
        {NotReviewed, "未经人工审阅"},
        {Decision, "决定"},
        {Accepted, "原样接受"},
        {Edited, "已修改"},
        {Rejected, "已拒绝"},
        {Changed, "审阅人保留的内容"},
        {Comment, "备注"},
        {Looked, "从打开结果到作出决定的秒数"}}}};
  const auto found = LABELS.find(language);
  return found == LABELS.end() ? LABELS.at("en") : found->second;
}

std::string Escape(const std::string& text)
{
  std::string escaped;
  for (const char c : text)
  {
    escaped += c == '&'   ? "&amp;"
               : c == '<' ? "&lt;"
               : c == '>' ? "&gt;"
               : c == '"' ? "&quot;"
                          : std::string(1, c);
  }
  return escaped;
}

std::string Findings(const Json::Value& findings, const std::string& language, const char* confidence)
{
  std::string list;
  for (const Json::Value& finding : findings)
  {
    const std::string tooth = finding.isMember("tooth") ? " · " + finding["tooth"].asString() : "";
    const std::string sure = finding.isMember("confidence")
                                 ? fmt::format(" ({}: {:.2f})", confidence, finding["confidence"].asDouble())
                                 : "";
    const std::string advice = TextIn(finding["recommendation"], language);
    list += fmt::format("<li>{}{}: {}{}{}</li>", Escape(finding["kind"].asString()), Escape(tooth),
                        Escape(TextIn(finding["text"], language)), Escape(sure),
                        advice.empty() ? "" : "<br>" + Escape(advice));
  }
  return list.empty() ? "" : "<ul>" + list + "</ul>";
}
}  // namespace

std::string DecisionRecord(const Analysis& analysis, const Json::Value& dispatch, const std::string& language)
{
  const auto& labels = Labels(language);
  std::string rows;
  const auto row = [&](Label label, const std::string& html)
  { rows += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", labels.at(label), html); };

  row(StudyLabel, Escape(analysis.studyInstanceUid));
  row(RequestedBy, Escape(analysis.requestedBy + ", " + ToString(analysis.requestedAt)));
  row(Software, Escape(analysis.provider + ", " + TextOf(dispatch, "model")));
  row(Instructions, Escape(TextOf(dispatch, "prompt_version")));
  std::string images;
  for (const Json::Value& image : analysis.images)
  {
    images += Escape(image["sop_instance_uid"].asString()) + "<br>";
  }
  row(InformationUsed, images);
  row(SentTo, Escape(fmt::format("{} ({}), {}", TextOf(dispatch, "destination"),
                                 TextOf(dispatch, "jurisdiction"), TextOf(dispatch, "sent_at"))));
  row(Assessment, Escape(TextOf(dispatch, "privacy_impact_assessment")));
  row(Checksum, Escape(TextOf(dispatch, "request_sha256")));
  std::string found;
  if (analysis.result.isObject())
  {
    const std::string summary = TextIn(analysis.result["summary"], analysis.language);
    found = (summary.empty() ? "" : "<p>" + Escape(summary) + "</p>") +
            Findings(analysis.result["findings"], analysis.language, labels.at(Confidence));
  }
  row(Factors, found.empty() ? labels.at(NoFactors) : found);
  const Json::Value& review = analysis.review;
  const Json::Value told = review.isObject() ? review["patient_informed"] : Json::Value();
  row(PatientTold, labels.at(told.isNull() ? NotRecorded : told.asBool() ? Yes : No));
  if (analysis.reviewedAt)
  {
    row(ReviewedBy, Escape(analysis.reviewedBy + ", " + ToString(*analysis.reviewedAt)));
    const std::string decision = TextOf(review, "decision");
    row(Decision, labels.at(decision == "accept" ? Accepted : decision == "edit" ? Edited : Rejected));
    if (decision == "edit")
    {
      const std::string left = Findings(review["findings"], analysis.language, labels.at(Confidence));
      row(Changed, left.empty() ? labels.at(NoFactors) : left);
    }
    row(Comment, Escape(TextOf(review, "comment")));
    row(Looked, review["seconds_viewed"].isNull()
                    ? labels.at(NotRecorded)
                    : fmt::format("{:.1f}", review["seconds_viewed"].asDouble()));
  }
  else
  {
    row(ReviewedBy, labels.at(NotReviewed));
  }
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"{0}\"><head><meta charset=\"utf-8\"><title>{1}</title><style>\n"
      "body{{font-family:sans-serif;max-width:50em;margin:2em auto;padding:0 1em}}"
      "table{{border-collapse:collapse;width:100%}}th,td{{border:1px solid #999;padding:.4em;text-align:left;"
      "vertical-align:top;overflow-wrap:anywhere}}th{{width:35%}}</style></head>\n"
      "<body><h1>{1}</h1>\n<p><strong>{2}</strong></p>\n<table>\n{3}</table></body></html>\n",
      language, labels.at(Title), labels.at(MadeBySoftware), rows);
}
}  // namespace OrthancClinic::Analysis
