// SPDX-License-Identifier: GPL-3.0-or-later

#include "Content.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/ReadAt.h"

namespace OrthancClinic::Replication
{
namespace
{
class Text : public IContent
{
public:
  explicit Text(std::string text) : text_(std::move(text)), md5_(Md5Of(text_)) {}

  size_t Size() const override { return text_.size(); }
  const std::string& Md5() const override { return md5_; }
  std::string_view Read(size_t offset, size_t length) override
  {
    return std::string_view(text_).substr(offset, length);
  }

private:
  const std::string text_;
  const std::string md5_;
};

class File : public IContent
{
public:
  File(int file, size_t size, std::string md5) : file_(file), size_(size), md5_(std::move(md5)) {}
  ~File() override { close(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  size_t Size() const override { return size_; }
  const std::string& Md5() const override { return md5_; }
  std::string_view Read(size_t offset, size_t length) override
  {
    buffer_.resize(length);
    if (const std::string why = ReadAt(file_, offset, buffer_); !why.empty())
    {
      throw Unavailable("A file of Orthanc's storage area cannot be read: " + why);
    }
    return buffer_;
  }

private:
  const int file_;
  const size_t size_;
  const std::string md5_;
  std::string buffer_;
};
}  // namespace

std::unique_ptr<IContent> MakeContent(std::string text)
{
  return std::make_unique<Text>(std::move(text));
}

void CompareWithOrthanc(const IContent& content, const std::string& md5)
{
  if (!content.Md5().empty() && md5 != content.Md5())
  {
    throw Unavailable("What was read of Orthanc is not what its checksum says: is Orthanc's file damaged?");
  }
}

std::unique_ptr<IContent> OpenInstance(IOrthanc& orthanc, const std::string& storage,
                                       const std::string& instanceId)
{
  const Json::Value info = orthanc.Get("/instances/" + instanceId + "/attachments/dicom/info");
  const std::string uuid = TextOf(info, "Uuid");
  const std::string md5 = TextOf(info, "UncompressedMD5");
  const uint64_t size = info["UncompressedSize"].isIntegral() ? info["UncompressedSize"].asUInt64() : 0;
  if (uuid.size() > 4 && uuid.find_first_not_of("0123456789abcdef-") == std::string::npos &&
      info["CompressedSize"] == info["UncompressedSize"] && info["CompressedMD5"] == info["UncompressedMD5"])
  {
    const std::string path = storage + "/" + uuid.substr(0, 2) + "/" + uuid.substr(2, 2) + "/" + uuid;
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat state = {};
    if (file >= 0 && fstat(file, &state) == 0 && S_ISREG(state.st_mode) &&
        static_cast<uint64_t>(state.st_size) == size)
    {
      return std::make_unique<File>(file, size, md5);
    }
    if (file >= 0)
    {
      close(file);
    }
  }
  return MakeContent(orthanc.GetBytes("/instances/" + instanceId + "/file"));
}
}  // namespace OrthancClinic::Replication
