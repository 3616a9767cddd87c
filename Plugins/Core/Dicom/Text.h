#pragma once
#include <string>
#include <string_view>
#include "Core/Api.h"
namespace OrthancClinic { ORTHANC_CLINIC_API std::string CleanText(std::string_view bytes, size_t maxBytes); }
