// SPDX-License-Identifier: GPL-3.0-or-later
//
// How often the product finds the right patient, how often a wrong one, and how fast: see README.md.

#include <fmt/format.h>
#include <json/writer.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/program_options.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <thread>

#include "Matching/PatientIndex.h"
#include "Population.h"

namespace
{
using namespace OrthancClinic;
using namespace OrthancClinic::Benchmark;
using Clock = std::chrono::steady_clock;

double ResidentMib()
{
  std::ifstream statistics("/proc/self/statm");
  long total = 0;
  long resident = 0;
  statistics >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double CpuSeconds()
{
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double Percentile(std::vector<double>& values, double share)
{
  std::sort(values.begin(), values.end());
  return values.at(
      std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size()))));
}

struct Result
{
  double precision = 1;
  double recall = 0;
  double reviewShare = 0;
  double firstCandidateShare = 0;
  double queriesPerSecond = 0;
  double p50 = 0;
  double p99 = 0;
  double p99Updating = 0;
  double memory = 0;
  double loadSeconds = 0;
  size_t automatic = 0;
  size_t wrong = 0;
  size_t queries = 0;
  size_t patients = 0;
};

void Explain(const Person& query, const Matching::Decision& decision)
{
  std::cerr << fmt::format("{} {} ({}): {}|{}|{}|{}|{} →\n", ToString(decision.status), decision.reason,
                           query.id, query.family, query.given, query.birthDate, query.sex, query.identifier);
  for (const auto& candidate : decision.candidates)
  {
    std::cerr << fmt::format("    {} {:.6f}", candidate.patientId, candidate.probability);
    for (const auto& evidence : candidate.evidence)
    {
      std::cerr << fmt::format(" {}:{}:{:.1f}", evidence.field, evidence.level, evidence.weight);
    }
    std::cerr << "\n";
  }
}

Result Measure(const std::vector<Person>& directory, const std::vector<Person>& queries,
               const std::string& explain)
{
  Result result;
  result.patients = directory.size();
  result.queries = queries.size();
  const double memoryBefore = ResidentMib();
  const auto loadBegin = Clock::now();
  Matching::PatientIndex index;
  for (const Person& person : directory)
  {
    index.Put(ToPatient(person));
  }
  result.loadSeconds = std::chrono::duration<double>(Clock::now() - loadBegin).count();
  result.memory = ResidentMib() - memoryBefore;

  std::vector<StudyDemographics> demographics;
  std::vector<std::pair<StudyDemographics, std::string>> observed;
  for (const Person& query : queries)
  {
    demographics.push_back(ToDemographics(query));
    observed.emplace_back(demographics.back(), "default");
  }
  // As the product does it every day: from what was observed, without any truth.
  if (const auto parameters = index.Estimate(observed))
  {
    index.SetParameters(*parameters);
  }

  size_t withTruth = 0;
  size_t right = 0;
  size_t first = 0;
  size_t review = 0;
  std::vector<double> milliseconds;
  const double cpuBegin = CpuSeconds();
  std::vector<Matching::Decision> decisions;
  decisions.reserve(queries.size());
  for (const StudyDemographics& study : demographics)
  {
    const auto begin = Clock::now();
    decisions.push_back(index.Decide(study, "default"));
    milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  const double cpu = CpuSeconds() - cpuBegin;
  for (size_t i = 0; i < queries.size(); i++)
  {
    const Person& query = queries[i];
    const Matching::Decision& decision = decisions[i];
    const bool matched = decision.status == MatchStatus::Matched;
    const bool isFirst = !query.id.empty() && !decision.candidates.empty() &&
                         (matched ? decision.patientId : decision.candidates.front().patientId) == query.id;
    withTruth += query.id.empty() ? 0 : 1;
    result.automatic += matched ? 1 : 0;
    right += matched && decision.patientId == query.id ? 1 : 0;
    result.wrong += matched && decision.patientId != query.id ? 1 : 0;
    first += isFirst ? 1 : 0;
    review += decision.status == MatchStatus::Review ? 1 : 0;
    if ((explain == "wrong" && matched && decision.patientId != query.id) ||
        (explain == "missed" && !query.id.empty() && !isFirst) ||
        (explain == "review" && decision.status == MatchStatus::Review && isFirst))
    {
      Explain(query, decision);
    }
  }
  result.precision =
      result.automatic == 0 ? 1 : static_cast<double>(right) / static_cast<double>(result.automatic);
  result.recall = withTruth == 0 ? 0 : static_cast<double>(right) / static_cast<double>(withTruth);
  result.firstCandidateShare =
      withTruth == 0 ? 0 : static_cast<double>(first) / static_cast<double>(withTruth);
  result.reviewShare = static_cast<double>(review) / static_cast<double>(queries.size());
  result.queriesPerSecond = static_cast<double>(queries.size()) / cpu;
  result.p50 = Percentile(milliseconds, 0.5);
  result.p99 = Percentile(milliseconds, 0.99);

  // The same while another thread changes the directory, a thousand patients a second.
  std::atomic<bool> running{true};
  std::thread updater(
      [&]
      {
        for (size_t i = 0; running; i = (i + 7919) % directory.size())
        {
          index.Put(ToPatient(directory[i]));
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
      });
  std::vector<double> updating;
  for (size_t i = 0; i < std::min<size_t>(demographics.size(), 20'000); i++)
  {
    const auto begin = Clock::now();
    (void)index.Decide(demographics[i], "default");
    updating.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  running = false;
  updater.join();
  result.p99Updating = Percentile(updating, 0.99);
  return result;
}

double F1(const Result& result)
{
  const double sum = result.precision + result.recall;
  return sum == 0 ? 0 : 2 * result.precision * result.recall / sum;
}

void PrintJson(const Result& result)
{
  Json::Value json;
  json["precision"] = result.precision;
  json["recall"] = result.recall;
  json["f1"] = F1(result);
  json["review_share"] = result.reviewShare;
  json["first_candidate_share"] = result.firstCandidateShare;
  json["queries_per_second"] = result.queriesPerSecond;
  json["p50_ms"] = result.p50;
  json["p99_ms"] = result.p99;
  json["memory_mib"] = result.memory;
  Json::StreamWriterBuilder builder;
  builder["indentation"] = "  ";
  std::cout << Json::writeString(builder, json) << "\n";
}

void PrintTable(const Result& result)
{
  std::cout << fmt::format(
      "{} patients, {} queries\n"
      "  precision of the automatic matches  {:.5f}   ({} automatic, {} wrong)\n"
      "  recall of the automatic matches     {:.5f}\n"
      "  f1                                  {:.5f}\n"
      "  share sent to review                {:.5f}\n"
      "  truth automatic or first candidate  {:.5f}\n"
      "  queries per second (one core)       {:.0f}\n"
      "  latency                             p50 {:.3f} ms, p99 {:.3f} ms, p99 while updating {:.3f} ms\n"
      "  memory of the index                 {:.0f} MiB, loaded in {:.1f} s\n\n",
      result.patients, result.queries, result.precision, result.automatic, result.wrong, result.recall,
      F1(result), result.reviewShare, result.firstCandidateShare, result.queriesPerSecond, result.p50,
      result.p99, result.p99Updating, result.memory, result.loadSeconds);
}
}  // namespace

int main(int argc, char** argv)
{
  namespace po = boost::program_options;
  po::options_description options("Options");
  options.add_options()("help", "shows this")("directory", po::value<std::string>(),
                                              "CSV file of the patients")(
      "queries", po::value<std::string>(), "CSV file of the studies' demographics, id = the true patient's")(
      "json", "prints one JSON object")("size", po::value<std::vector<size_t>>(),
                                        "patients of a generated population (may be repeated)")(
      "seed", po::value<uint64_t>()->default_value(1), "of the generated population")(
      "explain", po::value<std::string>()->default_value(""),
      "shows on the standard error the decisions that were: wrong, missed or review");
  po::variables_map values;
  try
  {
    po::store(po::parse_command_line(argc, argv, options), values);
    po::notify(values);
    if (values.count("help") != 0)
    {
      std::cout << options;
      return 0;
    }
    if (values.count("directory") != values.count("queries"))
    {
      throw std::runtime_error("--directory and --queries belong together");
    }
    const auto print = values.count("json") != 0 ? PrintJson : PrintTable;
    const std::string explain = values["explain"].as<std::string>();
    if (values.count("directory") != 0)
    {
      print(Measure(ReadTable(values["directory"].as<std::string>()),
                    ReadTable(values["queries"].as<std::string>()), explain));
      return 0;
    }
    std::vector<size_t> sizes = {10'000, 100'000, 1'000'000};
    if (values.count("size") != 0)
    {
      sizes = values["size"].as<std::vector<size_t>>();
    }
    for (const size_t size : sizes)
    {
      const Population population =
          MakePopulation(size, std::min<size_t>(size, 100'000), values["seed"].as<uint64_t>());
      print(Measure(population.directory, population.queries, explain));
    }
    return 0;
  }
  catch (const std::exception& error)
  {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
