// SPDX-License-Identifier: GPL-3.0-or-later

#include "OrderOptions.h"

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Core/Records/OrderStore.h"

namespace OrthancClinic::Orders
{
const Json::Value& OptionsSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object",
    "properties": {
      "AccessionNumberFormat": {
        "type": "string", "minLength": 1, "maxLength": 64, "default": "ACC-{year}-{number}",
        "description": "The accession numbers of orders for which the CRM gives none: `{year}` and `{number}` (at least five digits, counted anew each year) are replaced. At most 16 characters come out."
      }
    }
  })");
  return SCHEMA;
}

Options ReadOptions(Configuration& configuration)
{
  const Json::Value section = configuration.Section("Orders", OptionsSchema());
  const Options options{section["AccessionNumberFormat"].asString()};
  try
  {
    FormatAccessionNumber(options.accessionNumberFormat, 2026, 1);
  }
  catch (const BadInput& error)
  {
    throw BadInput(std::string("Clinic.Orders.AccessionNumberFormat: ") + error.what());
  }
  return options;
}
}  // namespace OrthancClinic::Orders
