// SPDX-License-Identifier: GPL-3.0-or-later
//
// How fast copies are made: see README.md.

#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "Support/DicomFile.h"
#include "Support/ObjectServer.h"
#include "Support/OrthancServer.h"
#include "Support/Process.h"
#include "Support/Wait.h"

namespace
{
using namespace OrthancClinic::Testing;
using Clock = std::chrono::steady_clock;

constexpr int PART_MEBIBYTES = 16;

double Seconds(Clock::duration duration)
{
  return std::chrono::duration<double>(duration).count();
}

double Median(std::vector<double> values)
{
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

double ChildrenProcessorTime()
{
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// Of a running process.
double ProcessorTime(int pid)
{
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string field;
  double ticks = 0;
  for (int i = 0; i < 13 && fields >> field; i++)
  {
    ticks += i >= 11 ? std::stod(field) : 0;
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double ResidentMebibytes(int pid, const char* what)
{
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(file, line);)
  {
    if (line.starts_with(what))
    {
      return std::stod(line.substr(line.find(':') + 1)) / 1024;
    }
  }
  return 0;
}

struct Result
{
  double seconds = 0;
  double processor = 0;
};

struct Load
{
  std::string name;
  int instances;
  unsigned size;  // pixels of a side
  double mebibytes = 0;
};

Result RunClient(const std::vector<std::string>& arguments,
                 const std::map<std::string, std::string>& environment)
{
  const double processor = ChildrenProcessorTime();
  const auto begin = Clock::now();
  const Finished finished = RunProgram(arguments, environment);
  const Result result{Seconds(Clock::now() - begin), ChildrenProcessorTime() - processor};
  if (finished.exitCode != 0)
  {
    throw std::runtime_error(finished.output);
  }
  return result;
}

void Measure(Load load, int rounds, unsigned concurrency)
{
  ObjectServer ceph(ObjectServer::Kind::Ceph);  // anew: it keeps everything in memory
  const TemporaryDirectory folder;
  const std::filesystem::path files = folder.Path() / "files";
  std::filesystem::create_directory(files);
  std::vector<std::filesystem::path> paths;
  DicomFile image("CT", load.size);
  for (int i = 0; i < load.instances; i++)
  {
    paths.push_back(image.NextInstance().SaveIn(files));
    load.mebibytes += static_cast<double>(std::filesystem::file_size(paths.back())) / (1 << 20);
  }

  const TemporaryDirectory archive;
  OrthancServer::Options options;
  options.configuration["StorageDirectory"] = (archive.Path() / "storage").string();
  options.configuration["IndexDirectory"] = (archive.Path() / "storage").string();
  options.clinic = false;
  options.environment["TCP_NODELAY"] = "1";
  {
    OrthancServer orthanc(options);
    if (orthanc.Store(paths).acknowledged.size() != paths.size())
    {
      throw std::runtime_error("Orthanc did not take the images");
    }
    orthanc.Stop();
  }
  options.clinic = true;
  options.databaseUrl = (archive.Path() / "clinic.db").string();
  {
    // The bundle records the study; what is measured is the copying alone.
    const OrthancServer orthanc(options);
    WaitUntil(
        [&]
        {
          const Json::Value studies = orthanc.Http().Get("/api/v1/studies").Json();
          return studies.size() == 1 && studies[0]["stable"].asBool() &&
                 studies[0]["number_of_instances"].asInt() == load.instances;
        },
        std::chrono::minutes(2));
  }
  const auto target = [&](const std::string& name, const std::string& bucket)
  {
    Json::Value json = ceph.Target(name, bucket);
    json["Concurrency"] = concurrency;
    json["PartMebibytes"] = PART_MEBIBYTES;
    return json;
  };

  std::map<std::string, std::vector<double>> speeds;
  std::map<std::string, std::vector<double>> processor;
  double memory = 0;
  const auto add = [&](const std::string& name, const Result& result)
  {
    speeds[name].push_back(load.mebibytes / result.seconds);
    processor[name].push_back(result.processor);
    std::cout << fmt::format("  {:<8} {:7.1f} MiB/s  {:6.2f} s of processor", name, speeds[name].back(),
                             result.processor)
              << std::endl;
  };
  const std::map<std::string, std::string> credentials = {
      {"AWS_ACCESS_KEY_ID", "clinic"},
      {"AWS_SECRET_ACCESS_KEY", "clinic-secret"},
      {"AWS_DEFAULT_REGION", ObjectServer::REGION},
      {"AWS_CONFIG_FILE", (folder.Path() / "aws").string()}};
  WriteFile(folder.Path() / "aws",
            fmt::format("[default]\ns3 =\n  max_concurrent_requests = {}\n  multipart_threshold = {}MB\n  "
                        "multipart_chunksize = {}MB\n  addressing_style = path\n",
                        concurrency, PART_MEBIBYTES, PART_MEBIBYTES));
  for (int round = 0; round < rounds; round++)
  {
    std::cout << fmt::format("{}, round {}", load.name, round + 1) << std::endl;
    add("rclone", RunClient({"env",
                             "-u",
                             "AWS_CA_BUNDLE",
                             "rclone",
                             "copy",
                             "--config",
                             "/dev/null",
                             "--transfers",
                             std::to_string(concurrency),
                             "--s3-provider",
                             "Ceph",
                             "--s3-endpoint",
                             ceph.Url(),
                             "--s3-access-key-id",
                             "clinic",
                             "--s3-secret-access-key",
                             "clinic-secret",
                             "--s3-region",
                             ObjectServer::REGION,
                             "--s3-upload-cutoff",
                             fmt::format("{}Mi", PART_MEBIBYTES),
                             "--s3-chunk-size",
                             fmt::format("{}Mi", PART_MEBIBYTES),
                             files.string(),
                             ":s3:" + ceph.NewBucket()},
                            {}));
    add("aws", RunClient({"env", "-u", "AWS_CA_BUNDLE", "aws", "s3", "cp", "--quiet", "--recursive",
                          "--endpoint-url", ceph.Url(), files.string(), "s3://" + ceph.NewBucket()},
                         credentials));

    options.configuration["Clinic"]["Replication"]["Targets"] = Json::arrayValue;
    options.configuration["Clinic"]["Replication"]["Targets"].append(
        target(fmt::format("round-{}", round), ceph.NewBucket()));
    OrthancServer orthanc(options);
    const int pid = orthanc.ProcessId();
    const double processorBefore = ProcessorTime(pid);
    const double idle = ResidentMebibytes(pid, "VmRSS");
    const auto begin = Clock::now();
    const bool done = WaitUntil(
        [&]
        {
          const Json::Value state = orthanc.Http().Get("/api/v1/replication").Json()["targets"][0];
          return state["verified_instances"].asInt() + state["replicated_instances"].asInt() ==
                 load.instances;
        },
        std::chrono::minutes(10));
    if (!done)
    {
      throw std::runtime_error("Not everything was copied");
    }
    add("bundle", {Seconds(Clock::now() - begin), ProcessorTime(pid) - processorBefore});
    memory = std::max(memory, ResidentMebibytes(pid, "VmHWM") - idle);
  }

  const double best = std::max(Median(speeds["rclone"]), Median(speeds["aws"]));
  std::cout
      << fmt::format(
             "{}: bundle {:.1f} MiB/s, rclone {:.1f}, aws {:.1f}; bundle/faster {:.2f}; processor {:.2f} s, "
             "{:.2f}, {:.2f}; memory above idle {:.0f} MiB (allowed {})",
             load.name, Median(speeds["bundle"]), Median(speeds["rclone"]), Median(speeds["aws"]),
             Median(speeds["bundle"]) / best, Median(processor["bundle"]), Median(processor["rclone"]),
             Median(processor["aws"]), memory, 64 + concurrency * PART_MEBIBYTES)
      << std::endl;
}

// What a modality notices: instances per second over DICOM, with each of the targets and with none.
void MeasureIngest(int rounds, unsigned concurrency)
{
  constexpr int INSTANCES = 300;
  ObjectServer ceph(ObjectServer::Kind::Ceph);
  const TemporaryDirectory folder;
  std::vector<std::filesystem::path> paths;
  DicomFile image("CT", 512);
  for (int i = 0; i < INSTANCES; i++)
  {
    paths.push_back(image.NextInstance().SaveIn(folder.Path()));
  }
  std::map<std::string, std::vector<double>> speeds;
  for (int round = 0; round < rounds; round++)
  {
    for (const std::string name : {"none", "directory", "s3"})
    {
      const TemporaryDirectory nas;
      Json::Value target;
      target["Name"] = "nas";
      target["Type"] = "Directory";
      target["Path"] = nas.Path().string();
      if (name == "s3")
      {
        target = ceph.Target("s3", ceph.NewBucket());
      }
      target["Concurrency"] = concurrency;
      OrthancServer::Options options;
      options.configuration["Clinic"]["Replication"]["Targets"] = Json::arrayValue;
      if (name != "none")
      {
        options.configuration["Clinic"]["Replication"]["Targets"].append(target);
      }
      const OrthancServer orthanc(options);
      const auto begin = Clock::now();
      if (orthanc.Store(paths).acknowledged.size() != paths.size())
      {
        throw std::runtime_error("Orthanc did not take the images");
      }
      speeds[name].push_back(INSTANCES / Seconds(Clock::now() - begin));
      std::cout << fmt::format("ingest, round {}: target {:<10} {:7.1f} instances/s", round + 1, name,
                               speeds[name].back())
                << std::endl;
    }
  }
  const double none = Median(speeds["none"]);
  std::cout << fmt::format(
                   "ingest: {:.1f} instances/s without a target; directory/none {:.2f}, s3/none {:.2f}", none,
                   Median(speeds["directory"]) / none, Median(speeds["s3"]) / none)
            << std::endl;
}
}  // namespace

int main(int argc, char** argv)
{
  namespace po = boost::program_options;
  int rounds = 0;
  unsigned concurrency = 0;
  po::options_description description("Options");
  description.add_options()("help", "print this")("rounds", po::value(&rounds)->default_value(3), "")(
      "concurrency", po::value(&concurrency)->default_value(4), "transfers at once");
  try
  {
    po::variables_map values;
    po::store(po::parse_command_line(argc, argv, description), values);
    po::notify(values);
    if (values.count("help") != 0)
    {
      std::cout << description << std::endl;
      return 0;
    }
    MeasureIngest(rounds, concurrency);
    Measure({"1,000 × 512 KiB", 1000, 512}, rounds, concurrency);
    Measure({"8 × 64 MiB", 8, 5790}, rounds, concurrency);
  }
  catch (const std::exception& error)
  {
    std::cerr << error.what() << std::endl;
    return 1;
  }
  return 0;
}
