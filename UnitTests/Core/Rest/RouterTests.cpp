// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/Router.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

using namespace OrthancClinic;

namespace
{
Response Echo(const Request& request)
{
  Json::Value answer;
  answer["route"] = "echo";
  answer["caller"] = request.Caller().name;
  return Response::Json(answer);
}

class RouterTest : public ::testing::Test
{
protected:
  RouterTest()
      : router_({.authenticate =
                     [this](const HttpRequest& request)
                 {
                   const auto header = request.headers.find("authorization");
                   if (header == request.headers.end())
                   {
                     throw Forbidden("Who are you?");
                   }
                   Principal principal{header->second, "127.0.0.1"};
                   if (principal.name != "alice")
                   {
                     auto grants = std::make_shared<Grants>();
                     grants->Add(Grants::EVERYWHERE, Permission::ReadHealth);
                     grants->Add("north", Permission::ReadStudies);
                     principal.grants = grants;
                   }
                   return principal;
                 },
                 .audit =
                     [this](const std::vector<AuditEntry>& entries)
                 {
                   if (auditFails_)
                   {
                     throw std::runtime_error("disk full");
                   }
                   audited_.insert(audited_.end(), entries.begin(), entries.end());
                 },
                 .logError = [this](const std::string& message) { errors_.push_back(message); }})
  {
  }

  void Add(HttpMethod method, const std::string& path, Handler handler = Echo,
           Permission permission = Permission::ReadPatients)
  {
    router_.Add(
        {.method = method, .path = path, .permission = permission, .summary = "", .handler = handler});
  }

  void AddThrowing(const std::string& path, const std::function<void()>& thrower)
  {
    Add(HttpMethod::Get, path,
        [thrower](const Request&)
        {
          thrower();
          return Response::NoContent();
        });
  }

  void AddWithBody(const std::string& schema, size_t maxBody = 1 << 20)
  {
    router_.Add({.method = HttpMethod::Post,
                 .path = "/body",
                 .permission = Permission::WritePatients,
                 .summary = "",
                 .body = JsonLiteral(schema),
                 .maxBody = maxBody,
                 .handler = [](const Request& request) { return Response::Json(request.Body()); }});
  }

  HttpResponse Call(HttpMethod method, const std::string& path, const std::string& body = "",
                    std::map<std::string, std::string> headers = {{"authorization", "alice"}})
  {
    return router_.Dispatch(
        {.method = method, .path = path, .query = query_, .headers = headers, .body = body});
  }

  HttpResponse Get(const std::string& path) { return Call(HttpMethod::Get, path); }

  HttpResponse Post(const std::string& body, const std::string& type = "application/json")
  {
    return Call(HttpMethod::Post, "/body", body, {{"authorization", "alice"}, {"content-type", type}});
  }

  Router router_;
  std::vector<std::pair<std::string, std::string>> query_;
  std::vector<AuditEntry> audited_;
  std::vector<std::string> errors_;
  bool auditFails_ = false;
};

std::string FirstError(const HttpResponse& response)
{
  const Json::Value error = ParseJson(response.body)["errors"][0];
  return error["field"].asString() + ": " + error["message"].asString();
}

std::string Detail(const HttpResponse& response)
{
  return ParseJson(response.body)["detail"].asString();
}
}  // namespace

// -------------------------------------------------------------------------------------------------------
// paths

TEST_F(RouterTest, PrefersLiteralsToParameters)
{
  const auto answer = [](const std::string& text)
  { return [text](const Request&) { return Response::Text(text, "text/plain"); }; };
  Add(HttpMethod::Get, "/a/{x}", answer("a/{x}"));
  Add(HttpMethod::Get, "/a/b", answer("a/b"));
  Add(HttpMethod::Get, "/{x}/b", answer("{x}/b"));
  Add(HttpMethod::Get, "/a/{x}/c", answer("a/{x}/c"));
  Add(HttpMethod::Get, "/a/b/{y}", answer("a/b/{y}"));

  EXPECT_EQ(Get("/a/b").body, "a/b");
  EXPECT_EQ(Get("/a/z").body, "a/{x}");
  EXPECT_EQ(Get("/z/b").body, "{x}/b");
  EXPECT_EQ(Get("/a/b/c").body, "a/b/{y}");
  EXPECT_EQ(Get("/a/z/c").body, "a/{x}/c");
}

TEST_F(RouterTest, AnswersUnknownPathsWith404)
{
  Add(HttpMethod::Get, "/a/{x}");
  Add(HttpMethod::Get, "/with/slash/");

  for (const char* const path :
       {"", "/", "a", "/a", "/a/", "/a//", "/a/b/", "//a/b", "/A/b", "/with/slash", "/a/b/c"})
  {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
  EXPECT_EQ(Get("/with/slash/").status, 200);
  // Whether a path exists is no secret, so that nobody needs to be known for a 404.
  EXPECT_EQ(Call(HttpMethod::Get, "/b", "", {}).status, 404);
}

TEST_F(RouterTest, KeepsTheNamesOfEachMethodsParameters)
{
  const auto show = [](const std::string& name)
  { return [name](const Request& request) { return Response::Text(request.Path(name), "text/plain"); }; };
  Add(HttpMethod::Get, "/a/{x}", show("x"));
  Add(HttpMethod::Delete, "/a/{y}", show("y"));

  EXPECT_EQ(Get("/a/é b").body, "é b");
  EXPECT_EQ(Call(HttpMethod::Delete, "/a/2").body, "2");
}

TEST_F(RouterTest, RefusesPathParametersThatNoIdCanHave)
{
  Add(HttpMethod::Get, "/a/{id}");
  std::string longest;
  for (int i = 0; i < 128; i++)
  {
    longest += "é";
  }
  EXPECT_EQ(Get("/a/" + longest).status, 200);
  for (const std::string& id :
       {longest + "e", std::string("a\nb"), std::string(1, '\0'), std::string("\xFF"), std::string("\x7F")})
  {
    const HttpResponse response = Get("/a/" + id);
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(FirstError(response), "id: expected 1 to 128 characters, none of them a control character");
  }
}

TEST_F(RouterTest, RefusesRoutesThatContradictEachOther)
{
  Add(HttpMethod::Get, "/a/{x}");

  EXPECT_THROW(Add(HttpMethod::Get, "/a/{y}"), std::logic_error);
  EXPECT_THROW(Add(HttpMethod::Get, "/b/{x}/{x}"), std::logic_error);
  EXPECT_THROW(Add(HttpMethod::Get, "b"), std::logic_error);
  EXPECT_THROW(Add(HttpMethod::Options, "/b"), std::logic_error);
  EXPECT_THROW(Add(HttpMethod::Get, "/b", nullptr), std::logic_error);
  EXPECT_THROW(AddWithBody(R"({"type": "objekt"})"), std::logic_error);
  EXPECT_EQ(Get("/a/1").status, 200);
  EXPECT_THROW(Add(HttpMethod::Get, "/late"), std::logic_error);
}

// -------------------------------------------------------------------------------------------------------
// methods

TEST_F(RouterTest, NamesTheAllowedMethods)
{
  Add(HttpMethod::Get, "/a");
  Add(HttpMethod::Put, "/a");

  const HttpResponse wrong = Call(HttpMethod::Delete, "/a", "", {});
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("Allow"), "GET, HEAD, PUT, OPTIONS");

  const HttpResponse options = Call(HttpMethod::Options, "/a", "", {});
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("Allow"), "GET, HEAD, PUT, OPTIONS");
  EXPECT_EQ(options.body, "");
}

TEST_F(RouterTest, AnswersHeadLikeGetWithoutTheBody)
{
  Add(HttpMethod::Get, "/a");

  const HttpResponse get = Get("/a");
  const HttpResponse head = Call(HttpMethod::Head, "/a");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.headers, get.headers);
  EXPECT_EQ(Call(HttpMethod::Head, "/b").body, "");
}

// -------------------------------------------------------------------------------------------------------
// security

TEST_F(RouterTest, AsksWhoCalls)
{
  Add(HttpMethod::Get, "/a");

  const HttpResponse response = Call(HttpMethod::Get, "/a", "", {});
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(response.headers.at("WWW-Authenticate"), "Basic realm=\"Orthanc Clinic\"");
  EXPECT_EQ(Detail(response), "Who are you?");
}

TEST_F(RouterTest, RefusesWhoMayNot)
{
  Add(HttpMethod::Get, "/a");
  Add(HttpMethod::Get, "/health", Echo, Permission::ReadHealth);

  EXPECT_EQ(Call(HttpMethod::Get, "/a", "", {{"authorization", "bob"}}).status, 403);
  EXPECT_EQ(Call(HttpMethod::Get, "/health", "", {{"authorization", "bob"}}).status, 200);
}

// Bob may read the studies of the practice "north", and of no other.
TEST_F(RouterTest, ShowsACallerOnlyTheirPractice)
{
  const std::map<std::string, std::string> bob = {{"authorization", "bob"}};
  const auto shows = [](const std::string& practice)
  {
    return [practice](const Request& request)
    {
      AuditEntry entry = request.Audit("study.view");
      entry.practiceId = practice;
      return Response::Json("shown").Viewed(entry);
    };
  };
  Add(HttpMethod::Get, "/north", shows("north"), Permission::ReadStudies);
  Add(HttpMethod::Get, "/south", shows("south"), Permission::ReadStudies);
  Add(HttpMethod::Get, "/all", shows(""), Permission::ReadStudies);
  Add(
      HttpMethod::Get, "/careless", [](const Request&) { return Response::Json("shown"); },
      Permission::ReadStudies);
  Add(
      HttpMethod::Get, "/nowhere",
      [](const Request&) -> Response { throw NotFound("There is no such study in the south"); },
      Permission::ReadStudies);

  EXPECT_EQ(Call(HttpMethod::Get, "/north", "", bob).status, 200);
  EXPECT_EQ(Call(HttpMethod::Get, "/all", "", bob).status, 403);
  EXPECT_EQ(Call(HttpMethod::Get, "/careless", "", bob).status, 403);
  const HttpResponse foreign = Call(HttpMethod::Get, "/south", "", bob);
  EXPECT_EQ(foreign.status, 404);
  EXPECT_EQ(foreign.body, Call(HttpMethod::Get, "/nowhere", "", bob).body)
      << "it tells that the record exists";
  EXPECT_EQ(audited_.size(), 1) << "only what was shown";
  for (const char* path : {"/north", "/south", "/all", "/careless"})
  {
    EXPECT_EQ(Get(path).status, 200) << path;
  }
}

TEST_F(RouterTest, ConfinesASearchToTheCallersPractices)
{
  router_.Add({.method = HttpMethod::Get,
               .path = "/studies",
               .permission = Permission::ReadStudies,
               .summary = "",
               .query = {{"practice", "", JsonLiteral(R"({"type": "string"})")}},
               .handler = [](const Request& request)
               {
                 const PracticeScope scope = request.Scope();
                 Json::Value json;
                 json["north"] = scope.Has("north");
                 json["south"] = scope.Has("south");
                 return Response::Json(json).Viewed(request.Audit("study.search", scope));
               }});
  const std::map<std::string, std::string> bob = {{"authorization", "bob"}};
  const auto search = [&](const std::map<std::string, std::string>& who)
  {
    const HttpResponse response = Call(HttpMethod::Get, "/studies", "", who);
    const Json::Value json = ParseJson(response.body);
    return std::to_string(response.status) + (json["north"].asBool() ? " north" : "") +
           (json["south"].asBool() ? " south" : "");
  };
  EXPECT_EQ(search(bob), "200 north");
  EXPECT_EQ(search({{"authorization", "alice"}}), "200 north south");
  query_ = {{"practice", "north"}};
  EXPECT_EQ(search(bob), "200 north");
  query_ = {{"practice", "south"}};
  EXPECT_EQ(search(bob), "403");
  EXPECT_EQ(search({{"authorization", "alice"}}), "200 south");
}

TEST_F(RouterTest, WritesWhoWasRefused)
{
  Add(HttpMethod::Get, "/a/{id}");
  EXPECT_EQ(Call(HttpMethod::Get, "/a/4711", "", {{"authorization", "bob"}}).status, 403);
  ASSERT_EQ(audited_.size(), 1);
  EXPECT_EQ(audited_[0].outcome, "denied");
  EXPECT_EQ(audited_[0].principal.name, "bob");
  EXPECT_EQ(audited_[0].detail["route"], "GET /a/{id}");
}

TEST_F(RouterTest, GivesTheRestOfAPath)
{
  const auto answer = [](const std::string& text)
  {
    return [text](const Request& request)
    { return Response::Text(text + request.Path("rest"), "text/plain"); };
  };
  Add(HttpMethod::Get, "/files/{rest*}", answer("file "));
  Add(HttpMethod::Get, "/files/{rest}/size", answer("size of "));
  EXPECT_EQ(Get("/files/a/b.js").body, "file a/b.js");
  EXPECT_EQ(Get("/files/a").body, "file a");
  EXPECT_EQ(Get("/files/a/size").body, "size of a");
  EXPECT_EQ(Get("/files").status, 404);
}

TEST_F(RouterTest, LetsEverybodyCallWhatIsPublic)
{
  Add(HttpMethod::Get, "/live", Echo, Permission::Public);

  EXPECT_EQ(ParseJson(Call(HttpMethod::Get, "/live", "", {}).body)["caller"], "anonymous");
}

TEST_F(RouterTest, ChecksTheCallerBeforeTheInput)
{
  AddWithBody("{}");

  EXPECT_EQ(Call(HttpMethod::Post, "/body", "not JSON", {}).status, 401);
  EXPECT_EQ(Call(HttpMethod::Post, "/body", "not JSON", {{"authorization", "bob"}}).status, 403);
}

TEST_F(RouterTest, WritesTheAuditTrailBeforeItAnswers)
{
  Add(HttpMethod::Get, "/a",
      [](const Request& request)
      {
        AuditEntry entry = request.Audit("patient.view");
        entry.patientId = "4711";
        return Response::Json("secret").Viewed(entry);
      });

  EXPECT_EQ(Get("/a").status, 200);
  ASSERT_EQ(audited_.size(), 1u);
  EXPECT_EQ(audited_[0].principal.name, "alice");
  EXPECT_EQ(audited_[0].principal.remoteAddress, "127.0.0.1");
  EXPECT_EQ(audited_[0].action, "patient.view");

  auditFails_ = true;
  const HttpResponse response = Get("/a");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.at("Retry-After"), "5");
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
  EXPECT_EQ(errors_.size(), 1u);
}

// -------------------------------------------------------------------------------------------------------
// query

class QueryTest : public RouterTest
{
protected:
  QueryTest()
  {
    router_.Add({.method = HttpMethod::Get,
                 .path = "/q",
                 .permission = Permission::ReadPatients,
                 .summary = "",
                 .query = {{"text", "", JsonLiteral(R"({"type": "string", "maxLength": 5})")},
                           {"number", "", JsonLiteral(R"({"type": "number"})")},
                           {"whole", "", JsonLiteral(R"({"type": "integer", "maximum": 9, "default": 7})")},
                           {"flag", "", JsonLiteral(R"({"type": "boolean"})")},
                           {"uid", "", JsonLiteral(R"({"type": "string", "format": "dicom-uid"})")},
                           {"needed", "", JsonLiteral(R"({"enum": ["a", "b"], "type": "string"})"), true}},
                 .paged = true,
                 .handler = [](const Request& request)
                 {
                   Json::Value answer;
                   answer["text"] = request.QueryText("text", "none");
                   answer["has"] = request.HasQuery("text");
                   answer["whole"] = Json::Int64(request.QueryInteger("whole", 1));
                   answer["flag"] = request.QueryFlag("flag");
                   answer["limit"] = Json::Int64(request.GetPage().limit);
                   answer["offset"] = Json::Int64(request.GetPage().offset);
                   return Response::Json(answer);
                 }});
  }

  HttpResponse Query(std::vector<std::pair<std::string, std::string>> query)
  {
    query_ = std::move(query);
    return Get("/q");
  }
};

TEST_F(QueryTest, GivesTheHandlerTypedValues)
{
  EXPECT_EQ(Query({{"needed", "a"}}).body,
            R"({"flag":false,"has":false,"limit":50,"offset":0,"text":"none","whole":7})");
  EXPECT_EQ(Query({{"needed", "a"},
                   {"text", ""},
                   {"whole", "-3"},
                   {"flag", "true"},
                   {"limit", "1000"},
                   {"offset", "20"}})
                .body,
            R"({"flag":true,"has":true,"limit":1000,"offset":20,"text":"","whole":-3})");
}

TEST_F(QueryTest, RefusesWhatItDoesNotKnowOrCannotRead)
{
  const std::pair<std::pair<std::string, std::string>, std::string> cases[] = {
      {{"Text", "a"},
       "Text: unknown parameter; known are text, number, whole, flag, uid, needed, limit, offset"},
      {{"needed", "b"}, "needed: given more than once"},
      {{"text", "123456"}, "text: expected at most 5 characters"},
      {{"text", "a\nb"}, "text: control characters are not allowed"},
      {{"text", std::string(1, '\0')}, "text: control characters are not allowed"},
      {{"text", "\xFF"}, "text: not valid UTF-8"},
      {{"whole", "10"}, "whole: expected an integer of at most 9"},
      {{"whole", ""}, "whole: expected an integer of at most 9"},
      {{"whole", "1.0"}, "whole: expected an integer of at most 9"},
      {{"whole", " 1"}, "whole: expected an integer of at most 9"},
      {{"whole", "0x1"}, "whole: expected an integer of at most 9"},
      {{"whole", "-99999999999999999999"}, "whole: expected an integer of at most 9"},
      {{"number", "nan"}, "number: expected a number"},
      {{"number", "inf"}, "number: expected a number"},
      {{"number", "1e999"}, "number: expected a number"},
      {{"flag", "yes"}, "flag: expected true or false"},
      {{"uid", "1.02"}, "uid: expected a DICOM UID such as 1.2.840.10008.1.1"},
      {{"limit", "0"}, "limit: expected an integer from 1 to 1000"},
      {{"limit", "1001"}, "limit: expected an integer from 1 to 1000"},
      {{"offset", "-1"}, "offset: expected an integer from 0 to 1000000000"}};

  for (const auto& [parameter, error] : cases)
  {
    const HttpResponse response = Query({{"needed", "a"}, parameter});
    EXPECT_EQ(response.status, 400) << error;
    EXPECT_EQ(FirstError(response), error);
  }
  EXPECT_EQ(FirstError(Query({})), "needed: missing");
}

TEST_F(QueryTest, TakesNoneWhereNoneIsDeclared)
{
  Add(HttpMethod::Get, "/plain");
  query_ = {{"a", "b"}};

  EXPECT_EQ(FirstError(Get("/plain")), "a: unknown parameter");
}

TEST_F(RouterTest, RefusesAParameterWithoutAScalarType)
{
  EXPECT_THROW(router_.Add({.method = HttpMethod::Get,
                            .path = "/q",
                            .permission = Permission::Public,
                            .summary = "",
                            .query = {{"a", "", JsonLiteral(R"({"type": "array"})")}},
                            .handler = Echo}),
               std::logic_error);
}

// -------------------------------------------------------------------------------------------------------
// body

TEST_F(RouterTest, ChecksTheBody)
{
  AddWithBody(R"({"type": "object", "required": ["names"], "properties": {
    "names": {"type": "array", "items": {"type": "object", "properties": {"family": {"type": "string"}}}}}})",
              1000);

  EXPECT_EQ(Post(R"({"names": []})").status, 200);
  EXPECT_EQ(Post(R"({"names": []})", "Application/JSON; charset=utf-8").status, 200);
  EXPECT_EQ(Call(HttpMethod::Post, "/body", R"({"names": []})").status, 200);

  const HttpResponse invalid = Post(R"({"names": [{"family": 1}]})");
  EXPECT_EQ(invalid.status, 422);
  EXPECT_EQ(FirstError(invalid), "names[0].family: expected a string");

  const HttpResponse broken = Post("{\n\"names\": [,]}");
  EXPECT_EQ(broken.status, 400);
  EXPECT_EQ(Detail(broken), "The body is not JSON: line 2, column 11: this is not JSON (RFC 8259)");

  EXPECT_EQ(Post("").status, 400);
  EXPECT_EQ(Post(std::string(1001, ' ')).status, 413);
  EXPECT_EQ(Post(R"({"names": []})", "text/plain").status, 415);
  EXPECT_EQ(Post(R"({"names": []})", "application/x-www-form-urlencoded").status, 415);
  EXPECT_EQ(Post(R"({"names": []})", "application/jsonx").status, 415);
}

TEST_F(RouterTest, RefusesABodyThatSaysSomethingWhereNoneIsExpected)
{
  Add(HttpMethod::Delete, "/a");

  EXPECT_EQ(Call(HttpMethod::Delete, "/a").status, 200);
  EXPECT_EQ(Call(HttpMethod::Delete, "/a", "{}").status, 200);
  EXPECT_EQ(Call(HttpMethod::Delete, "/a", R"({"a": 1})").status, 400);
}

TEST_F(RouterTest, LetsABodyBeOptional)
{
  AddWithBody(R"({"type": ["object", "null"]})");

  EXPECT_EQ(Post("").body, "null");
  EXPECT_EQ(Post("{}").body, "{}");
  EXPECT_EQ(Post("1").status, 422);
}

// -------------------------------------------------------------------------------------------------------
// errors

TEST_F(RouterTest, TurnsErrorsIntoStatuses)
{
  AddThrowing("/bad", [] { throw BadInput("a"); });
  AddThrowing("/fields", [] { throw BadInput("b", {{"x", "y"}}); });
  AddThrowing("/forbidden", [] { throw Forbidden("c"); });
  AddThrowing("/absent", [] { throw NotFound("d"); });
  AddThrowing("/conflict", [] { throw Conflict("e"); });
  AddThrowing("/unavailable", [] { throw Unavailable("f"); });

  const std::tuple<const char*, int, const char*> cases[] = {
      {"/bad", 400, "a"},    {"/fields", 422, "b"},   {"/forbidden", 403, "c"},
      {"/absent", 404, "d"}, {"/conflict", 409, "e"}, {"/unavailable", 503, "f"}};
  for (const auto& [path, status, detail] : cases)
  {
    const HttpResponse response = Get(path);
    EXPECT_EQ(response.status, status) << path;
    EXPECT_EQ(response.contentType, "application/problem+json");
    EXPECT_EQ(Detail(response), detail);
  }
  EXPECT_TRUE(errors_.empty());
}

TEST_F(RouterTest, SaysAProblemInTheCallersLanguage)
{
  AddWithBody(R"({"type": "object", "properties": {"age": {"type": "integer"}}})");
  Add(HttpMethod::Get, "/api/dental/xrays",
      [](const Request&) -> Response { throw NotFound("There is no such patient"); });

  HttpResponse response =
      Call(HttpMethod::Post, "/body", R"({"age": "x"})",
           {{"authorization", "alice"}, {"accept-language", "de, fr-CA;q=0.8, en;q=0.1"}});
  EXPECT_EQ("fr", response.headers.at("Content-Language"));
  EXPECT_EQ("Accept-Language", response.headers.at("Vary"));
  EXPECT_EQ("Contenu non valide", ParseJson(response.body)["title"].asString());
  EXPECT_EQ("age: attendu : un entier", FirstError(response));

  response = Call(HttpMethod::Get, "/api/dental/xrays", "",
                  {{"authorization", "alice"}, {"accept-language", "zh-CN"}});
  const Json::Value body = ParseJson(response.body);
  EXPECT_EQ("没有此患者", body["detail"].asString());
  EXPECT_EQ("没有此患者", body["message"].asString());
  EXPECT_EQ("没有此患者", body["error"].asString());
  EXPECT_EQ("NOT_FOUND", body["code"].asString());
  EXPECT_FALSE(body.isMember("errors"));

  response = Get("/nowhere");
  EXPECT_EQ("en", response.headers.at("Content-Language"));
  EXPECT_EQ("Not Found", ParseJson(response.body)["title"].asString());
}

TEST_F(RouterTest, TranslatesWhatAHandlerAsksToBeTranslated)
{
  Add(HttpMethod::Get, "/a",
      [](const Request& request)
      {
        Json::Value body;
        body["error"] = request.Translate(BadInput("The patient is not valid", {{"id", "missing"}}));
        return Response::Json(body);
      });
  Add(HttpMethod::Get, "/b", Echo);
  const std::map<std::string, std::string> spanish = {{"authorization", "alice"}, {"accept-language", "es"}};

  const HttpResponse response = Call(HttpMethod::Get, "/a", "", spanish);
  EXPECT_EQ("El paciente no es válido; id: falta", ParseJson(response.body)["error"].asString());
  EXPECT_EQ("es", response.headers.at("Content-Language"));
  EXPECT_EQ("Accept-Language", response.headers.at("Vary"));
  EXPECT_NE(Get("/a").headers.at("ETag"), response.headers.at("ETag"));
  EXPECT_FALSE(Call(HttpMethod::Get, "/b", "", spanish).headers.contains("Vary"));
}

TEST_F(RouterTest, HidesOurMistakesFromTheCallerAndShowsThemToTheOperator)
{
  AddThrowing("/a/{id}", [] { throw std::out_of_range("the reason"); });
  AddThrowing("/b", [] { throw 5; });
  AddThrowing("/c", [] { Json::Value(1)["x"] = 1; });

  const HttpResponse response = Get("/a/4711");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("reason"), std::string::npos);
  ASSERT_EQ(errors_.size(), 1u);
  EXPECT_NE(errors_[0].find("GET /a/{id}: std::out_of_range: the reason"), std::string::npos) << errors_[0];
  const std::string id = errors_[0].substr(6, 16);
  EXPECT_NE(response.body.find(id), std::string::npos);
  EXPECT_EQ(Get("/b").status, 500);
  EXPECT_EQ(Get("/c").status, 500);
}

TEST_F(RouterTest, TakesAnUndeclaredNameAsOurMistake)
{
  Add(HttpMethod::Get, "/a",
      [](const Request& request) { return Response::Text(request.QueryText("x"), ""); });
  Add(HttpMethod::Get, "/b", [](const Request& request) { return Response::Text(request.Path("x"), ""); });
  Add(HttpMethod::Get, "/c", [](const Request&) { return Response::NoContent().Header("A", "b\r\nC: d"); });

  EXPECT_EQ(Get("/a").status, 500);
  EXPECT_EQ(Get("/b").status, 500);
  EXPECT_EQ(Get("/c").status, 500);
}

TEST_F(RouterTest, DescribesAProblemAsRfc9457Does)
{
  EXPECT_EQ(Problem(422, "No", {{"a", "b"}}).body,
            R"({"detail":"No","errors":[{"field":"a","message":"b"}],"status":422,)"
            R"("title":"Unprocessable Content","type":"about:blank"})");
  EXPECT_EQ(ParseJson(Problem(418, "No").body)["title"], "Client Error");
}

TEST_F(RouterTest, SpeaksTheDentalCrmsDialectOfErrors)
{
  Add(HttpMethod::Get, "/api/dental/a");
  const std::pair<int, const char*> codes[] = {
      {400, "BAD_REQUEST"}, {401, "UNAUTHORIZED"}, {403, "FORBIDDEN"},        {404, "NOT_FOUND"},
      {409, "CONFLICT"},    {429, "RATE_LIMITED"}, {422, "VALIDATION_ERROR"}, {500, "INTERNAL_ERROR"}};

  for (const auto& [status, code] : codes)
  {
    EXPECT_EQ(ParseJson(Problem(status, "No", {}, "/api/dental/x").body)["code"], code);
  }
  const Json::Value unknown = ParseJson(Get("/api/dental/b").body);
  EXPECT_EQ(unknown["code"], "NOT_FOUND");
  EXPECT_EQ(unknown["message"], unknown["detail"]);
  EXPECT_EQ(unknown["error"], unknown["detail"]);
  query_ = {{"x", "1"}};
  EXPECT_EQ(ParseJson(Get("/api/dental/a").body)["code"], "VALIDATION_ERROR");
  EXPECT_FALSE(ParseJson(Get("/api/v1/b").body).isMember("code"));
}

// -------------------------------------------------------------------------------------------------------
// answers

TEST_F(RouterTest, AnswersAPageOfAList)
{
  EXPECT_EQ(Response::List(Json::arrayValue, 7, {10, 5}).http.body,
            R"({"items":[],"limit":10,"offset":5,"total":7})");
  EXPECT_EQ(Response::List(Json::nullValue, 0, {}).http.body,
            R"({"items":[],"limit":50,"offset":0,"total":0})");
}

TEST_F(RouterTest, Answers304ToWhoHasIt)
{
  Add(HttpMethod::Get, "/hash");
  Add(HttpMethod::Get, "/tag", [](const Request&) { return Response::Json(1).ETag("v7"); });
  Add(HttpMethod::Put, "/tag", [](const Request&) { return Response::Json(1).ETag("v7"); });

  const HttpResponse first = Get("/hash");
  const std::string tag = first.headers.at("ETag");
  EXPECT_EQ(tag.size(), 34u);
  EXPECT_EQ(first.headers.at("Cache-Control"), "private, no-cache");

  const auto status = [&](HttpMethod method, const std::string& path, const std::string& condition) {
    return Call(method, path, "", {{"authorization", "alice"}, {"if-none-match", condition}}).status;
  };
  EXPECT_EQ(status(HttpMethod::Get, "/hash", tag), 304);
  EXPECT_EQ(status(HttpMethod::Head, "/hash", tag), 304);
  EXPECT_EQ(status(HttpMethod::Get, "/hash", "\"other\""), 200);
  EXPECT_EQ(status(HttpMethod::Get, "/tag", "\"v6\", W/\"v7\""), 304);
  EXPECT_EQ(status(HttpMethod::Get, "/tag", "*"), 304);
  EXPECT_EQ(status(HttpMethod::Get, "/tag", "v7"), 200);
  EXPECT_EQ(status(HttpMethod::Get, "/tag", ", ,,"), 200);
  EXPECT_EQ(status(HttpMethod::Put, "/tag", "\"v7\""), 200);

  const HttpResponse again =
      Call(HttpMethod::Get, "/hash", "", {{"authorization", "alice"}, {"if-none-match", tag}});
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(again.headers.at("ETag"), tag);
}

TEST_F(RouterTest, IsThreadSafe)
{
  AddWithBody(R"({"type": "object", "properties": {"a": {"pattern": "^x+$"}}})");
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++)
  {
    threads.emplace_back(
        [&]
        {
          for (int j = 0; j < 200; j++)
          {
            good += Post(R"({"a": "xxx"})").status == 200 && Post(R"({"a": "y"})").status == 422 ? 1 : 0;
          }
        });
  }
  for (std::thread& thread : threads)
  {
    thread.join();
  }
  EXPECT_EQ(good, 800);
}

// -------------------------------------------------------------------------------------------------------
// description

TEST_F(RouterTest, DescribesItsRoutes)
{
  router_.Add({.method = HttpMethod::Put,
               .path = "/api/v1/patients/{id}",
               .permission = Permission::WritePatients,
               .summary = "Replaces a patient",
               .query = {{"practice", "Its practice", JsonLiteral(R"({"type": "string"})"), true}},
               .body = JsonLiteral(R"({"type": "object"})"),
               .answer = JsonLiteral(R"({"type": "object", "title": "Patient"})"),
               .handler = Echo});
  router_.Add({.method = HttpMethod::Get,
               .path = "/api/v1/health",
               .permission = Permission::Public,
               .summary = "Lives",
               .handler = Echo});
  router_.AddDescription("1.2.3", [](const std::string&) { return std::nullopt; });

  const Json::Value document = ParseJson(Get("/api/openapi.json").body);
  EXPECT_EQ(document, router_.OpenApi("1.2.3"));
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_EQ(document["info"]["version"], "1.2.3");
  EXPECT_EQ(document["paths"].getMemberNames(),
            (std::vector<std::string>{"/api/v1/health", "/api/v1/patients/{id}"}));
  const Json::Value& put = document["paths"]["/api/v1/patients/{id}"]["put"];
  EXPECT_EQ(put["operationId"], "putV1PatientsById");
  EXPECT_EQ(put["tags"][0], "patients");
  EXPECT_EQ(put["x-permission"], "write_patients");
  EXPECT_EQ(WriteJson(put["security"]), R"([{"basic":[]}])");
  EXPECT_EQ(put["parameters"][0]["name"], "id");
  EXPECT_EQ(put["parameters"][1]["required"], true);
  EXPECT_EQ(put["requestBody"]["required"], true);
  EXPECT_EQ(put["requestBody"]["content"]["application/json"]["schema"]["type"], "object");
  EXPECT_EQ(put["responses"]["2XX"]["content"]["application/json"]["schema"]["title"], "Patient");
  EXPECT_TRUE(put["responses"].isMember("422"));
  EXPECT_EQ(WriteJson(document["paths"]["/api/v1/health"]["get"]["security"]), "[]");
  EXPECT_EQ(router_.Routes().size(), 2u);
}

TEST_F(RouterTest, ServesSwaggerUiWithoutAnythingFromElsewhere)
{
  std::vector<std::string> asked;
  router_.AddDescription("1",
                         [&](const std::string& file)
                         {
                           asked.push_back(file);
                           return file == "favicon-32x32.png" ? std::nullopt
                                                              : std::optional<std::string>("content");
                         });

  for (const char* const path : {"/api", "/api/"})
  {
    const HttpResponse redirection = Get(path);
    EXPECT_EQ(redirection.status, 308);
    EXPECT_EQ(redirection.headers.at("Location"), "/api/index.html");
  }
  const HttpResponse page = Get("/api/index.html");
  EXPECT_EQ(page.contentType, "text/html; charset=utf-8");
  EXPECT_NE(page.headers.at("Content-Security-Policy").find("script-src 'self';"), std::string::npos);
  EXPECT_EQ(page.body.find("://"), std::string::npos);
  EXPECT_NE(Get("/api/start.js").body.find("validatorUrl: null"), std::string::npos);
  EXPECT_EQ(Get("/api/swagger-ui.css").contentType, "text/css; charset=utf-8");
  EXPECT_EQ(Get("/api/swagger-ui-bundle.js").body, "content");
  EXPECT_EQ(Get("/api/favicon-32x32.png").status, 404);
  for (const char* const path :
       {"/api/../etc/passwd", "/api/..", "/api/package.json", "/api/swagger-ui.css/"})
  {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
  EXPECT_EQ(asked, (std::vector<std::string>{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"}));
}
