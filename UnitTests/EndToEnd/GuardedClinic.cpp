// SPDX-License-Identifier: GPL-3.0-or-later

#include "EndToEnd/GuardedClinic.h"

#include <gtest/gtest.h>

namespace OrthancClinic::Testing
{
namespace
{
OrthancServer::Options WithAccess(const Json::Value& more)
{
  OrthancServer::Options options;
  options.user = "root";
  options.password = "of-the-machine";
  options.dicomWeb = true;
  Json::Value& configuration = options.configuration;
  configuration["AuthenticationEnabled"] = false;
  configuration["Clinic"]["Access"]["Enabled"] = true;
  configuration["Clinic"]["Access"]["LoginsPerMinute"] = 10000;
  configuration["Clinic"]["Studies"]["QuietSeconds"] = 1;
  configuration["Clinic"]["Studies"]["QuietSecondsByModality"] = Json::objectValue;
  MergeJson(configuration, more);
  return options;
}
}  // namespace

Json::Value Roles(const std::string& role, const std::string& practice)
{
  Json::Value roles;
  roles[0]["role"] = role;
  roles[0]["practice_id"] = practice;
  return roles;
}

GuardedClinic::GuardedClinic(const Json::Value& more) : Clinic(WithAccess(more)) {}

std::string GuardedClinic::Url() const
{
  return "http://127.0.0.1:" + std::to_string(Orthanc().HttpPort());
}

HttpAnswer GuardedClinic::As(const std::string& authorization, const std::string& method,
                             const std::string& path, const std::string& body,
                             std::vector<std::string> headers) const
{
  if (!authorization.empty())
  {
    headers.push_back("Authorization: " + authorization);
  }
  if (!body.empty())
  {
    headers.emplace_back(body.starts_with("--") ? "Content-Type: multipart/form-data; boundary=b"
                                                : "Content-Type: application/json");
  }
  return HttpClient(Url()).Call(method, path, body, headers);
}

HttpAnswer GuardedClinic::Login(const std::string& user, const std::string& password, bool cookie) const
{
  Json::Value body;
  body["username"] = user;
  body["password"] = password;
  body["cookie"] = cookie;
  return As("", "POST", "/api/v1/auth/login", JsonText(body));
}

void GuardedClinic::MakePractice(const std::string& id, const std::string& modality) const
{
  Json::Value practice;
  practice["id"] = id;
  practice["name"] = id;
  practice["calling_ae_titles"].append(modality);
  practice["crm_user_id"] = "user-" + id;
  PutPractice(practice);
}

void GuardedClinic::MakeUser(const std::string& name, const Json::Value& roles) const
{
  Json::Value user;
  user["roles"] = roles;
  const HttpAnswer made = Http().Put("/api/v1/users/" + name, user);
  ASSERT_EQ(201, made.status) << made.body;
  const std::string first = made.Json()["password"].asString();
  const HttpAnswer login = Login(name, first);
  ASSERT_EQ(200, login.status) << login.body;
  Json::Value change;
  change["current_password"] = first;
  change["new_password"] = PASSWORD;
  const HttpAnswer changed = As("Bearer " + login.Json()["access_token"].asString(), "POST",
                                "/api/v1/auth/password", JsonText(change));
  ASSERT_EQ(204, changed.status) << changed.body;
}

std::string GuardedClinic::SignIn(const std::string& name) const
{
  const HttpAnswer login = Login(name, PASSWORD);
  EXPECT_EQ(200, login.status) << login.body;
  return "Bearer " + login.Json()["access_token"].asString();
}

std::string GuardedClinic::MakeKey(const std::string& role, const std::string& practice,
                                   const std::string& expires) const
{
  Json::Value key;
  key["name"] = "test";
  key["roles"] = Roles(role, practice);
  if (!expires.empty())
  {
    key["expires_at"] = expires;
  }
  const HttpAnswer made = Http().Post("/api/v1/api-keys", key);
  EXPECT_EQ(201, made.status) << made.body;
  return made.Json()["secret"].asString();
}
}  // namespace OrthancClinic::Testing
