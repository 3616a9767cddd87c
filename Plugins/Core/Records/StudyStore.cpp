// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/StudyStore.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Database/Query.h"
#include "Core/Dicom/Folding.h"
#include "Core/Dicom/Text.h"
#include "Core/Errors.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/PatientStore.h"

namespace OrthancClinic
{
namespace
{
constexpr const char* COLUMNS =
    "orthanc_study_id, study_instance_uid, practice_id, modalities, study_date, study_time, "
    "study_description, "
    "accession_number, institution_name, demographics, contradictions, number_of_series, "
    "number_of_instances, "
    "total_size_bytes, source, received_at, last_instance_at, settled_at, match_status, match_patient_id, "
    "match_decided_by, match_decided_at, match_probability, match_detail, acquisition, "
    "referring_physician";

// One row of COLUMNS: the way from a study to its columns and back.
struct Row
{
  Study study;
  std::string modalities;
  std::string demographics;
  std::string contradictions;
  long long totalSize = 0;
  std::string source;
  std::string receivedAt;
  std::string lastInstanceAt;
  std::string settledAt;
  soci::indicator isSettled = soci::i_null;
  std::string status;
  std::string patientId;
  soci::indicator hasPatient = soci::i_null;
  std::string decidedBy;
  soci::indicator isDecided = soci::i_null;
  std::string decidedAt;
  soci::indicator hasDecidedAt = soci::i_null;
  double probability = 0;
  soci::indicator hasProbability = soci::i_null;
  std::string detail;
  std::string acquisition;

  Row() = default;

  explicit Row(const Study& from) : study(from)
  {
    // With a bar at both ends, so that a search for "|CT|" is exact.
    modalities = "|";
    for (const std::string& modality : study.modalities)
    {
      modalities += modality + "|";
    }
    demographics = WriteJson(ToJson(study.demographics));
    Json::Value fields(Json::arrayValue);
    for (const std::string& field : study.contradictions)
    {
      fields.append(field);
    }
    contradictions = WriteJson(fields);
    totalSize = study.totalSizeBytes;
    Json::Value from_;
    from_["kind"] = study.source.kind;
    from_["calling_ae"] = study.source.callingAe;
    from_["called_ae"] = study.source.calledAe;
    from_["remote_ip"] = study.source.remoteIp;
    source = WriteJson(from_);
    receivedAt = ToString(study.receivedAt);
    lastInstanceAt = ToString(study.lastInstanceAt);
    Assign(study.settledAt, settledAt, isSettled);
    acquisition = WriteJson(study.acquisition);
    SetMatch(study.match);
  }

  explicit Row(const StudyMatch& match) { SetMatch(match); }

  void SetMatch(const StudyMatch& match)
  {
    status = ToString(match.status);
    patientId = match.patientId.value_or("");
    hasPatient = match.patientId ? soci::i_ok : soci::i_null;
    decidedBy = match.decidedBy;
    isDecided = match.decidedBy.empty() ? soci::i_null : soci::i_ok;
    Assign(match.decidedAt, decidedAt, hasDecidedAt);
    probability = match.probability.value_or(0);
    hasProbability = match.probability ? soci::i_ok : soci::i_null;
    Json::Value json;
    json["reason"] = match.reason;
    json["evidence"] = match.evidence;
    json["candidates"] = match.candidates;
    detail = WriteJson(json);
  }

  static void Assign(const std::optional<Timestamp>& time, std::string& text, soci::indicator& indicator)
  {
    text = time ? ToString(*time) : "";
    indicator = time ? soci::i_ok : soci::i_null;
  }

  static std::optional<Timestamp> Time(const std::string& text, soci::indicator indicator)
  {
    return indicator == soci::i_ok ? ParseTimestamp(text) : std::nullopt;
  }

  Study Read() const
  {
    Study result = study;
    result.modalities.clear();
    for (size_t begin = 1, end; (end = modalities.find('|', begin)) != std::string::npos; begin = end + 1)
    {
      result.modalities.push_back(modalities.substr(begin, end - begin));
    }
    result.demographics = StudyDemographicsFromJson(ParseJson(demographics));
    result.contradictions = Texts(ParseJson(contradictions));
    result.totalSizeBytes = totalSize;
    const Json::Value from = ParseJson(source);
    result.source = {from["kind"].asString(), from["calling_ae"].asString(), from["called_ae"].asString(),
                     from["remote_ip"].asString()};
    result.receivedAt = ParseTimestamp(receivedAt).value();
    result.lastInstanceAt = ParseTimestamp(lastInstanceAt).value();
    result.settledAt = Time(settledAt, isSettled);
    result.acquisition = ParseJson(acquisition);
    StudyMatch& match = result.match;
    match.status = ParseMatchStatus(status);
    match.patientId = (hasPatient == soci::i_ok) ? std::optional(patientId) : std::nullopt;
    match.decidedBy = (isDecided == soci::i_ok) ? decidedBy : "";
    match.decidedAt = Time(decidedAt, hasDecidedAt);
    match.probability = (hasProbability == soci::i_ok) ? std::optional(probability) : std::nullopt;
    const Json::Value json = ParseJson(detail);
    match.reason = json["reason"].asString();
    match.evidence = json["evidence"];
    match.candidates = json["candidates"];
    return result;
  }
};

std::vector<Study> Fetch(Transaction& transaction, const std::string& tail,
                         const std::vector<std::string>& values)
{
  Row row;
  Study& study = row.study;
  std::vector<Study> studies;
  Query(
      transaction, std::string("SELECT ") + COLUMNS + " FROM studies " + tail, values,
      [&] { studies.push_back(row.Read()); }, study.orthancStudyId, study.studyInstanceUid, study.practiceId,
      row.modalities, study.studyDate, study.studyTime, study.studyDescription, study.accessionNumber,
      study.institutionName, row.demographics, row.contradictions, study.numberOfSeries,
      study.numberOfInstances, row.totalSize, row.source, row.receivedAt, row.lastInstanceAt,
      std::tie(row.settledAt, row.isSettled), row.status, std::tie(row.patientId, row.hasPatient),
      std::tie(row.decidedBy, row.isDecided), std::tie(row.decidedAt, row.hasDecidedAt),
      std::tie(row.probability, row.hasProbability), row.detail, row.acquisition, study.referringPhysician);
  return studies;
}

constexpr size_t LONGEST_WORD = 64;  // bytes; longer ones are found by their beginning
constexpr size_t MOST_WORDS = 40;    // of a study
constexpr long long MANY = 5000;     // studies that have a word
constexpr long long MOST = 50'000;   // of them: more are not gathered
constexpr size_t MOST_SOUGHT = 8;    // of a search

// No folded word begins so, and none has a space in it.
std::string ModalityWord(const std::string& modality)
{
  std::string word = "|" + modality;
  std::replace(word.begin(), word.end(), ' ', '_');
  return word;
}

// What a search finds the study by, between spaces.
std::string Words(const Study& study)
{
  std::set<std::string> words;
  const auto add = [&](const std::string& text, bool isId)
  {
    auto found = FoldedWords(text);
    if (isId)
    {
      found.push_back(Folded(text));  // people leave out its punctuation
    }
    for (const std::string& word : found)
    {
      if (words.size() < MOST_WORDS && !word.empty())
      {
        words.insert(CleanText(word, LONGEST_WORD));
      }
    }
  };
  const StudyDemographics& demographics = study.demographics;
  add(demographics.patientName, false);
  add(demographics.patientId, true);
  add(study.accessionNumber, true);
  add(study.studyDescription, false);
  for (const std::string& name : demographics.otherPatientNames)
  {
    add(name, false);
  }
  for (const Identifier& id : demographics.otherPatientIds)
  {
    add(id.value, true);
  }
  add(study.referringPhysician, false);
  for (const std::string& modality : study.modalities)
  {
    words.insert(ModalityWord(modality));
  }
  std::string text = " ";
  for (const std::string& word : words)
  {
    text += word + " ";
  }
  return text;
}

std::vector<std::string> SplitWords(const std::string& words)
{
  std::vector<std::string> split;
  for (size_t begin = 1, end; begin < words.size() && (end = words.find(' ', begin)) != std::string::npos;
       begin = end + 1)
  {
    split.push_back(words.substr(begin, end - begin));
  }
  return split;
}

void InsertWords(Transaction& transaction, long long number, const std::string& words)
{
  const auto split = SplitWords(words);
  std::string rows;
  for (size_t i = 0; i < split.size(); i++)
  {
    rows += (i == 0 ? "(:p" : ", (:p") + std::to_string(i) + ", " + std::to_string(number) + ")";
  }
  if (!split.empty())
  {
    Execute(transaction, "INSERT INTO study_words (word, number) VALUES " + rows + " ON CONFLICT DO NOTHING",
            split);
  }
}

// The patient's name as a list is sorted by it: in letters that all people sort alike, where there are such.
std::string SortName(const Study& study)
{
  const std::string& name = study.demographics.patientName;
  const std::string alphabetic = name.substr(0, name.find('='));
  std::string sorted;
  for (const std::string& word : FoldedWords(alphabetic.empty() ? name : alphabetic))
  {
    sorted += (sorted.empty() ? "" : " ") + word;
  }
  return CleanText(sorted, 4 * LONGEST_WORD);
}

// A word that a study must have.
struct Term
{
  std::string first;  // of the words that fulfil it
  std::string last;
  std::string pattern;  // in study_search.words
  long long hits = 0;   // at most MOST are counted

  void LookUp(Conditions& conditions) const
  {
    conditions.AddAll("number IN (SELECT number FROM study_words WHERE word >= ? AND word <= ?)",
                      {first, last});
  }

  void Seek(Conditions& conditions) const { conditions.Add("words LIKE ?", pattern); }

  int64_t Count(Transaction& transaction) const
  {
    long long count = 0;
    Query(
        transaction, "SELECT COUNT(DISTINCT number) FROM study_words WHERE word >= :first AND word <= :last",
        {first, last}, [] {}, count);
    return count;
  }
};

// The rarest first.
std::vector<Term> FindTerms(Transaction& transaction, const StudyFilter& filter)
{
  std::vector<Term> terms;
  if (!filter.modality.empty())
  {
    const std::string word = ModalityWord(filter.modality);
    terms.push_back({word, word, "% " + word + " %"});
  }
  std::vector<std::string> words = FoldedWords(filter.text);
  words.resize(std::min(words.size(), MOST_SOUGHT));
  for (const std::string& word : words)
  {
    const std::string prefix = CleanText(word, LONGEST_WORD);
    // U+10FFFF sorts after every character of a word.
    terms.push_back({prefix, prefix + "\xf4\x8f\xbf\xbf", "% " + prefix + "%"});
  }
  for (Term& term : terms)
  {
    Query(
        transaction,
        "SELECT COUNT(*) FROM (SELECT 1 FROM study_words WHERE word >= :first AND word <= :last LIMIT " +
            std::to_string(MOST) + ") AS found",
        {term.first, term.last}, [] {}, term.hits);
  }
  std::stable_sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) { return a.hits < b.hits; });
  return terms;
}

// The studies that have them all; nothing if that is not worth knowing, since there are too many.
std::optional<std::vector<long long>> Gather(Transaction& transaction, const std::vector<Term>& terms)
{
  std::string text;
  std::vector<std::string> values;
  for (const Term& term : terms)
  {
    text += fmt::format("{}SELECT number FROM study_words WHERE word >= :first{} AND word <= :last{}",
                        text.empty() ? "" : " INTERSECT ", values.size(), values.size());
    values.insert(values.end(), {term.first, term.last});
  }
  std::vector<long long> numbers;
  long long number = 0;
  Query(
      transaction, text + " LIMIT " + std::to_string(MANY), values, [&] { numbers.push_back(number); },
      number);
  return static_cast<long long>(numbers.size()) < MANY ? std::optional(numbers) : std::nullopt;
}

// `terms` as FindTerms gives them.
void AddTerms(Transaction& transaction, const std::vector<Term>& terms, Conditions& conditions)
{
  // A rare word is looked up. Of frequent ones, few studies may have all. The others, and what so many
  // studies have that they are met everywhere, are sought in the rows.
  const auto isGathered = [](const Term& term) { return term.hits < MOST; };
  const auto gathered = std::find_if_not(terms.begin(), terms.end(), isGathered);
  auto sought = terms.begin();
  if (sought != terms.end() && sought->hits < MANY)
  {
    (sought++)->LookUp(conditions);
  }
  else if (gathered - terms.begin() > 1)
  {
    if (const auto numbers = Gather(transaction, {terms.begin(), gathered}))
    {
      conditions.AddAll(numbers->empty() ? "1 = 0" : fmt::format("number IN ({})", fmt::join(*numbers, ", ")),
                        {});
      sought = gathered;
    }
  }
  for (; sought != terms.end(); ++sought)
  {
    sought->Seek(conditions);
  }
}

std::string OrderBy(const std::string& sort, bool reversed)
{
  if (!sort.empty() && std::find(std::begin(StudyStore::SORTS), std::end(StudyStore::SORTS), sort) ==
                           std::end(StudyStore::SORTS))
  {
    throw BadInput("Studies cannot be sorted by this", {{"sort", "unknown"}});
  }
  const bool descending = sort.empty() || sort.front() == '-';
  const std::string by = sort.empty() ? "received_at" : sort.substr(descending ? 1 : 0);
  const std::string end = descending != reversed ? " DESC" : "";
  return " ORDER BY " +
         (by == "study_date"     ? "study_date" + end + ", study_time" + end
          : by == "patient_name" ? "sort_name" + end
                                 : "received_at" + end) +
         ", number" + end;
}

// The numbers of a page. All columns that it needs stand in the index of its order, unless words are sought.
std::vector<long long> FindPage(Transaction& transaction, const Conditions& conditions,
                                const StudyFilter& filter, int64_t total)
{
  // The pages of the second half are counted from the end.
  const bool reversed = filter.offset > total / 2;
  const int64_t limit = reversed ? std::min(filter.limit, total - filter.offset) : filter.limit;
  const int64_t offset = reversed ? total - filter.offset - limit : filter.offset;
  const std::string order = OrderBy(filter.sort, reversed);
  std::vector<long long> numbers;
  if (limit <= 0)
  {
    return numbers;
  }
  long long number = 0;
  Query(
      transaction,
      "SELECT number FROM study_search" + conditions.Where() + order + " LIMIT " + std::to_string(limit) +
          " OFFSET " + std::to_string(offset),
      conditions.Values(), [&] { numbers.push_back(number); }, number);
  if (reversed)
  {
    std::reverse(numbers.begin(), numbers.end());
  }
  return numbers;
}

// ":p0, :p1, …"
std::string Placeholders(size_t count)
{
  std::string list;
  for (size_t i = 0; i < count; i++)
  {
    list += (i == 0 ? ":p" : ", :p") + std::to_string(i);
  }
  return list;
}

// In the order of `numbers`.
std::vector<Study> FetchNumbered(Transaction& transaction, const std::vector<long long>& numbers)
{
  std::map<std::string, size_t> places;
  std::string list;
  for (size_t i = 0; i < numbers.size(); i++)
  {
    list += (i == 0 ? "" : ", ") + std::to_string(numbers[i]);
  }
  std::vector<Study> studies(numbers.size());
  if (numbers.empty())
  {
    return studies;
  }
  long long number = 0;
  std::string id;
  Query(
      transaction, "SELECT number, orthanc_study_id FROM study_search WHERE number IN (" + list + ")", {},
      [&] {
        places[id] = static_cast<size_t>(std::find(numbers.begin(), numbers.end(), number) - numbers.begin());
      },
      number, id);
  for (Study& study : Fetch(transaction,
                            "WHERE orthanc_study_id IN (SELECT orthanc_study_id FROM study_search WHERE "
                            "number IN (" +
                                list + "))",
                            {}))
  {
    studies[places.at(study.orthancStudyId)] = std::move(study);
  }
  return studies;
}

// The first of them.
std::optional<Study> FetchOne(Transaction& transaction, const std::string& tail, const std::string& value)
{
  auto studies = Fetch(transaction, tail, {value});
  return studies.empty() ? std::nullopt : std::optional(std::move(studies.front()));
}
}  // namespace

std::optional<Study> StudyStore::FindByOrthancId(const std::string& orthancStudyId)
{
  return FetchOne(transaction_, "WHERE orthanc_study_id = :id", orthancStudyId);
}

std::optional<Study> StudyStore::FindForUpdate(const std::string& orthancStudyId)
{
  // A write transaction of SQLite is alone anyway.
  const std::string lock = transaction_.IsPostgreSql() ? " FOR UPDATE" : "";
  return FetchOne(transaction_, "WHERE orthanc_study_id = :id" + lock, orthancStudyId);
}

Study StudyStore::Get(const std::string& uidOrOrthancId, const PracticeScope& practices)
{
  if (auto study = FindByOrthancId(uidOrOrthancId); study && practices.Has(study->practiceId))
  {
    return *std::move(study);
  }
  auto studies =
      Fetch(transaction_, "WHERE study_instance_uid = :uid ORDER BY orthanc_study_id", {uidOrOrthancId});
  std::erase_if(studies, [&](const Study& study) { return !practices.Has(study.practiceId); });
  if (studies.empty())
  {
    throw NotFound("There is no such study");
  }
  if (studies.size() > 1)
  {
    std::string ids;
    for (const Study& study : studies)
    {
      ids += " " + study.orthancStudyId;
    }
    throw Conflict("This StudyInstanceUID was sent under several PatientIDs: use orthanc_study_id, one of" +
                   ids);
  }
  return std::move(studies.front());
}

std::pair<std::vector<Study>, int64_t> StudyStore::Search(const StudyFilter& filter)
{
  Conditions conditions;
  filter.practices.AddTo(conditions);
  if (!filter.patientId.empty())
  {
    // Of one who was merged into another, the studies are the other's now.
    conditions.Add("match_patient_id = ?", PatientStore(transaction_).SurvivorOf(filter.patientId));
  }
  conditions.Add("match_status = ?", filter.status);
  conditions.Add("accession_number = ?", filter.accessionNumber);
  conditions.Add("study_date >= ?", filter.studyDateFrom);
  conditions.Add("study_date <= ?", filter.studyDateTo);
  const bool isFree = conditions.Where() == Conditions().Where();
  const std::vector<Term> terms = FindTerms(transaction_, filter);
  AddTerms(transaction_, terms, conditions);

  // A single word names its studies without the rows.
  const int64_t total = isFree && terms.size() == 1 ? terms[0].Count(transaction_)
                                                    : CountRows(transaction_, "study_search", conditions);
  return {FetchNumbered(transaction_, FindPage(transaction_, conditions, filter, total)), total};
}

StudyTotals StudyStore::Total(const PracticeScope& practices)
{
  Conditions conditions;
  practices.AddTo(conditions);
  long long patients = 0;
  long long studies = 0;
  long long series = 0;
  long long instances = 0;
  long long bytes = 0;
  Query(
      transaction_,
      "SELECT COUNT(DISTINCT match_patient_id), COUNT(*), COALESCE(SUM(number_of_series), 0), "
      "COALESCE(SUM(number_of_instances), 0), CAST(COALESCE(SUM(total_size_bytes), 0) AS BIGINT) FROM "
      "studies" +
          conditions.Where(),
      conditions.Values(), [] {}, patients, studies, series, instances, bytes);
  return {patients, studies, series, instances, bytes};
}

std::vector<std::string> StudyStore::AllOrthancIds()
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        std::vector<std::string> ids;
        std::string id;
        soci::statement statement =
            (sql.prepare << "SELECT orthanc_study_id FROM studies ORDER BY orthanc_study_id", soci::into(id));
        statement.execute();
        while (statement.fetch())
        {
          ids.push_back(id);
        }
        return ids;
      });
}

std::vector<std::string> StudyStore::OrthancIdsAfter(const std::string& orthancStudyId, int64_t limit)
{
  std::string id;
  std::vector<std::string> ids;
  Query(
      transaction_,
      "SELECT orthanc_study_id FROM studies WHERE orthanc_study_id > :id ORDER BY orthanc_study_id LIMIT " +
          std::to_string(limit),
      {orthancStudyId}, [&] { ids.push_back(id); }, id);
  return ids;
}

std::vector<std::string> StudyStore::Twins(const Study& study)
{
  return transaction_.Sql(
      [&](soci::session& sql)
      {
        std::vector<std::string> ids;
        std::string id;
        soci::statement statement =
            (sql.prepare << "SELECT orthanc_study_id FROM studies WHERE study_instance_uid = :uid AND "
                            "orthanc_study_id <> :id",
             soci::use(study.studyInstanceUid), soci::use(study.orthancStudyId), soci::into(id));
        statement.execute();
        while (statement.fetch())
        {
          ids.push_back(id);
        }
        return ids;
      });
}

void StudyStore::Insert(const Study& study)
{
  Row row(study);
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << std::string("INSERT INTO studies (") + COLUMNS +
                   ") VALUES (:id, :uid, :practice, :modalities, :date, :time, :description, :accession, "
                   ":institution, :demographics, :contradictions, :series, :instances, :size, :source, "
                   ":received, "
                   ":last, :settled, :status, :patient, :by, :at, :probability, :detail, :acquisition, "
                   ":referring)",
            soci::use(study.orthancStudyId), soci::use(study.studyInstanceUid), soci::use(study.practiceId),
            soci::use(row.modalities), soci::use(study.studyDate), soci::use(study.studyTime),
            soci::use(study.studyDescription), soci::use(study.accessionNumber),
            soci::use(study.institutionName), soci::use(row.demographics), soci::use(row.contradictions),
            soci::use(study.numberOfSeries), soci::use(study.numberOfInstances), soci::use(row.totalSize),
            soci::use(row.source), soci::use(row.receivedAt), soci::use(row.lastInstanceAt),
            soci::use(row.settledAt, row.isSettled), soci::use(row.status),
            soci::use(row.patientId, row.hasPatient), soci::use(row.decidedBy, row.isDecided),
            soci::use(row.decidedAt, row.hasDecidedAt), soci::use(row.probability, row.hasProbability),
            soci::use(row.detail), soci::use(row.acquisition), soci::use(study.referringPhysician);
      });
  const std::string sortName = SortName(study);
  const std::string words = Words(study);
  const std::string status = ToString(study.match.status);
  const std::string patientId = study.match.patientId.value_or("");
  const long long number = OrderStore(transaction_).NextNumber("study");
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "INSERT INTO study_search (number, orthanc_study_id, practice_id, received_at, study_date, "
               "study_time, accession_number, match_status, match_patient_id, sort_name, words) "
               "VALUES (:number, :id, :practice, :received, :date, :time, :accession, :status, "
               ":patient, :name, :words)",
            soci::use(number), soci::use(study.orthancStudyId), soci::use(study.practiceId),
            soci::use(row.receivedAt), soci::use(study.studyDate), soci::use(study.studyTime),
            soci::use(study.accessionNumber), soci::use(status), soci::use(patientId), soci::use(sortName),
            soci::use(words);
      });
  InsertWords(transaction_, number, words);
}

// Replaces the words of the study, where they are others.
void StudyStore::WriteWords(const std::string& orthancStudyId, const std::string& words)
{
  long long number = 0;
  std::string known;
  Query(
      transaction_, "SELECT number, words FROM study_search WHERE orthanc_study_id = :id", {orthancStudyId},
      [] {}, number, known);
  if (known == words)
  {
    return;
  }
  const std::string which = std::to_string(number);
  if (const auto old = SplitWords(known); !old.empty())
  {
    Execute(
        transaction_,
        "DELETE FROM study_words WHERE number = " + which + " AND word IN (" + Placeholders(old.size()) + ")",
        old);
  }
  InsertWords(transaction_, number, words);
  Execute(transaction_, "UPDATE study_search SET words = :words WHERE number = " + which, {words});
}

void StudyStore::Index(const Study& study)
{
  Execute(transaction_, "UPDATE studies SET referring_physician = :name WHERE orthanc_study_id = :id",
          {study.referringPhysician, study.orthancStudyId});
  Execute(transaction_, "UPDATE study_search SET sort_name = :name WHERE orthanc_study_id = :id",
          {SortName(study), study.orthancStudyId});
  WriteWords(study.orthancStudyId, Words(study));
}

std::vector<std::string> StudyStore::Unindexed(int64_t limit)
{
  std::vector<std::string> ids;
  std::string id;
  Query(
      transaction_,
      "SELECT orthanc_study_id FROM study_search WHERE sort_name IS NULL ORDER BY number DESC LIMIT " +
          std::to_string(limit),
      {}, [&] { ids.push_back(id); }, id);
  return ids;
}

void StudyStore::RefileStudies(const std::string& patientId, const std::optional<std::string>& to,
                               const std::string& onlyOrthancId)
{
  Conditions conditions;
  conditions.Add("match_patient_id = ?", patientId);
  conditions.Add("orthanc_study_id = ?", onlyOrthancId);
  const auto execute = [&](const std::string& statement)
  {
    std::vector<std::string> values = conditions.Values();
    if (to)
    {
      values.insert(values.begin(), *to);
    }
    Execute(transaction_, statement + conditions.Where(), values);
  };
  if (to)
  {
    execute("UPDATE studies SET match_patient_id = :to");
    execute("UPDATE study_search SET match_patient_id = :to");
    return;
  }
  execute(
      "UPDATE studies SET match_status = 'pending', match_patient_id = NULL, match_decided_by = NULL, "
      "match_decided_at = NULL, match_probability = NULL");
  execute("UPDATE study_search SET match_status = 'pending', match_patient_id = ''");
}

void StudyStore::UpdateContent(const Study& study)
{
  Row row(study);
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "UPDATE studies SET practice_id = :practice, modalities = :modalities, study_date = :date, "
               "study_time = :time, study_description = :description, accession_number = :accession, "
               "institution_name = :institution, demographics = :demographics, contradictions = "
               ":contradictions, "
               "number_of_series = :series, number_of_instances = :instances, total_size_bytes = :size, "
               "last_instance_at = :last, settled_at = :settled, acquisition = :acquisition, "
               "referring_physician = :referring "
               "WHERE orthanc_study_id = :id",
            soci::use(study.practiceId), soci::use(row.modalities), soci::use(study.studyDate),
            soci::use(study.studyTime), soci::use(study.studyDescription), soci::use(study.accessionNumber),
            soci::use(study.institutionName), soci::use(row.demographics), soci::use(row.contradictions),
            soci::use(study.numberOfSeries), soci::use(study.numberOfInstances), soci::use(row.totalSize),
            soci::use(row.lastInstanceAt), soci::use(row.settledAt, row.isSettled),
            soci::use(row.acquisition), soci::use(study.referringPhysician), soci::use(study.orthancStudyId);
      });
  Execute(transaction_,
          "UPDATE study_search SET practice_id = :practice, study_date = :date, "
          "study_time = :time, accession_number = :accession, sort_name = :name WHERE orthanc_study_id = :id",
          {study.practiceId, study.studyDate, study.studyTime, study.accessionNumber, SortName(study),
           study.orthancStudyId});
  WriteWords(study.orthancStudyId, Words(study));
}

void StudyStore::UpdateMatch(const std::string& orthancStudyId, const StudyMatch& match)
{
  Row row(match);
  transaction_.Sql(
      [&](soci::session& sql)
      {
        sql << "UPDATE studies SET match_status = :status, match_patient_id = :patient, match_decided_by = "
               ":by, "
               "match_decided_at = :at, match_probability = :probability, match_detail = :detail "
               "WHERE orthanc_study_id = :id",
            soci::use(row.status), soci::use(row.patientId, row.hasPatient),
            soci::use(row.decidedBy, row.isDecided), soci::use(row.decidedAt, row.hasDecidedAt),
            soci::use(row.probability, row.hasProbability), soci::use(row.detail), soci::use(orthancStudyId);
      });
  Execute(transaction_,
          "UPDATE study_search SET match_status = :status, match_patient_id = :patient WHERE "
          "orthanc_study_id = :id",
          {row.status, row.patientId, orthancStudyId});
}

void StudyStore::Delete(const std::string& orthancStudyId)
{
  WriteWords(orthancStudyId, "");
  Execute(transaction_, "DELETE FROM studies WHERE orthanc_study_id = :id", {orthancStudyId});
}
}  // namespace OrthancClinic
