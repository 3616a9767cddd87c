# Every library that the bundle stands on. All come from Debian 12 or 13; why each was chosen is in
# Plugins/Core/README.md.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS filesystem)
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc i18n)
find_package(fmt REQUIRED)
find_package(PostgreSQL REQUIRED)
pkg_check_modules(JSONCPP REQUIRED IMPORTED_TARGET jsoncpp)

find_path(ORTHANC_SDK_INCLUDE orthanc/OrthancCPlugin.h REQUIRED)
find_path(SOCI_INCLUDE soci/soci.h REQUIRED)
find_library(SOCI_CORE soci_core REQUIRED)
find_library(SOCI_SQLITE3 soci_sqlite3 REQUIRED)
find_library(SOCI_POSTGRESQL soci_postgresql REQUIRED)
find_package(nlohmann_json REQUIRED)

add_library(OrthancClinicSoci INTERFACE)
target_include_directories(OrthancClinicSoci SYSTEM INTERFACE ${SOCI_INCLUDE} ${PostgreSQL_INCLUDE_DIRS})
target_link_libraries(OrthancClinicSoci INTERFACE ${SOCI_CORE} ${SOCI_SQLITE3} ${SOCI_POSTGRESQL})
