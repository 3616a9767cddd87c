// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/ReadAt.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "Support/Files.h"

namespace OrthancClinic
{
namespace
{
TEST(ReadAt, FillsWhatItIsGivenOrSaysWhyNot)
{
  const Testing::TemporaryDirectory folder;
  Testing::WriteFile(folder.Path() / "file", "0123456789");
  const int file = open((folder.Path() / "file").c_str(), O_RDONLY | O_CLOEXEC);
  std::string bytes(4, '\0');
  EXPECT_EQ("", ReadAt(file, 5, bytes));
  EXPECT_EQ("5678", bytes);
  EXPECT_EQ("it is too short", ReadAt(file, 7, bytes));
  bytes.clear();
  EXPECT_EQ("", ReadAt(file, 10, bytes));
  close(file);
  bytes.resize(1);
  EXPECT_EQ("Bad file descriptor", ReadAt(file, 0, bytes));
}
}  // namespace
}  // namespace OrthancClinic
