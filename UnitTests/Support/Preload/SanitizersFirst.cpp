// SPDX-License-Identifier: GPL-3.0-or-later
//
// Preloaded into Orthanc with the sanitizers' libraries. The address sanitizer sets itself up at the first
// allocation, and uses the C library's locale lock then; in Orthanc, that allocation is made by a library
// (p11-kit) that holds this lock, and Orthanc hangs. This library is linked with "-z initfirst": it allocates
// before any other.

#include <cstdlib>

namespace
{
__attribute__((constructor)) void Allocate()
{
  void* volatile memory = std::malloc(1);
  std::free(memory);
}
}  // namespace
