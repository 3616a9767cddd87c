// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/RecordWriter.h"

#include <algorithm>
#include <map>

#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
// So many records of a batch are written in one transaction: the feed must not wait long for its turn.
constexpr Json::ArrayIndex BATCH_PART = 100;
constexpr const char* FAILED = "failed";

Json::Value PutOne(Transaction& transaction, const Request& request, const Json::Value& record,
                   const RecordWriter& writer)
{
  Json::Value result;
  result["id"] = record.isObject() && record["id"].isString() ? record["id"] : Json::Value();
  const auto fail = [&](const Error& error)
  {
    result["status"] = FAILED;
    result["error"] = request.Translate(error);
  };
  try
  {
    transaction.Savepoint([&] { result["status"] = writer.put(transaction, request.Audit(""), record); });
  }
  catch (const BadInput& error)
  {
    fail(error);
  }
  catch (const NotFound& error)
  {
    fail(error);
  }
  catch (const Conflict& error)
  {
    fail(error);
  }
  return result;
}
}  // namespace

Response PutEach(Database& database, const Request& request, const Json::Value& records,
                 const RecordWriter& writer, const std::vector<std::string>& outcomes)
{
  std::map<std::string, int> counts = {{FAILED, 0}};
  for (const std::string& outcome : outcomes)
  {
    counts[outcome] = 0;
  }
  Json::Value body;
  body["results"] = Json::arrayValue;
  for (Json::ArrayIndex first = 0; first < records.size(); first += BATCH_PART)
  {
    Transaction transaction(database);
    for (Json::ArrayIndex i = first; i < std::min(first + BATCH_PART, records.size()); i++)
    {
      Json::Value result = PutOne(transaction, request, records[i], writer);
      counts[result["status"].asString()]++;
      body["results"].append(std::move(result));
    }
    transaction.Commit();
  }
  for (const auto& [status, count] : counts)
  {
    body[status] = count;
  }
  return Response::Json(body);
}
}  // namespace OrthancClinic
