// SPDX-License-Identifier: GPL-3.0-or-later
//
// The entry points of a plugin of the bundle:
//
//   ORTHANC_CLINIC_PLUGIN("clinic-matching", "Files each study under its patient", Load)
//
// where `void Load(Clinic&)` registers what the plugin does. If Load throws, Orthanc refuses to start, and
// its log says why.

#pragma once

#include <cstdint>

#include "Core/Api.h"
#include "Core/Host/Clinic.h"

namespace OrthancClinic
{
// For the macro below alone. `context` is Orthanc's.
ORTHANC_CLINIC_API int32_t InitializePlugin(void* context, const char* name, const char* description,
                                            void (*load)(Clinic&)) noexcept;
ORTHANC_CLINIC_API void FinalizePlugin() noexcept;
ORTHANC_CLINIC_API const char* PluginVersion() noexcept;
}  // namespace OrthancClinic

#define ORTHANC_CLINIC_PLUGIN(name, description, load)                          \
  extern "C"                                                                    \
  {                                                                             \
    ORTHANC_CLINIC_API int32_t OrthancPluginInitialize(void* context)           \
    {                                                                           \
      return OrthancClinic::InitializePlugin(context, name, description, load); \
    }                                                                           \
    ORTHANC_CLINIC_API void OrthancPluginFinalize()                             \
    {                                                                           \
      OrthancClinic::FinalizePlugin();                                          \
    }                                                                           \
    ORTHANC_CLINIC_API const char* OrthancPluginGetName()                       \
    {                                                                           \
      return name;                                                              \
    }                                                                           \
    ORTHANC_CLINIC_API const char* OrthancPluginGetVersion()                    \
    {                                                                           \
      return OrthancClinic::PluginVersion();                                    \
    }                                                                           \
  }
