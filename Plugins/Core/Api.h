// SPDX-License-Identifier: GPL-3.0-or-later
//
// Marks what libOrthancClinicCore.so offers to the plugins. Everything else in it is hidden.

#pragma once

#define ORTHANC_CLINIC_API __attribute__((visibility("default")))
