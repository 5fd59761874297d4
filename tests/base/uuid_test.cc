#include "base/uuid.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

// A machine whose boot id is `content`, or can't be opened (`errnum`).
class MachineOs : public Os {
 public:
  int open(const char* path, int flags, mode_t mode = 0) override {
    return errnum != 0 ? -errnum : Os::open(path, flags, mode);
  }
  ssize_t read(int /*fd*/, void* to, std::size_t size) override {
    const std::size_t count = std::min(size, content.size());
    std::memcpy(to, content.data(), count);
    return static_cast<ssize_t>(count);
  }

  int errnum = 0;
  std::string content = "6ba7b810-9dad-11d1-80b4-00c04fd430c8\n";
};

TEST(BootId, IsReadAsTheKernelWritesIt) {
  MachineOs os;
  const auto id = read_boot_id(os);
  ASSERT_TRUE(id) << text_of(id.error());
  EXPECT_EQ(format(*id), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
}

TEST(BootId, FailsIfItIsMissingOrNoUuid) {
  MachineOs os;
  os.errnum = ENOENT;
  EXPECT_EQ(text_of(read_boot_id(os).error()),
            "cannot read the boot id '/proc/sys/kernel/random/boot_id': No such file or directory");
  os.errnum = 0;
  os.content = "6ba7b810-9dad-11d1-80b4-00c04fd430c\n";
  EXPECT_EQ(text_of(read_boot_id(os).error()),
            "cannot read the boot id '/proc/sys/kernel/random/boot_id': it is not a UUID");
}

TEST(Uuid, TwoAreNeverTheSame) {
  EXPECT_NE(new_uuid(), new_uuid());
}

}  // namespace
}  // namespace slurper
