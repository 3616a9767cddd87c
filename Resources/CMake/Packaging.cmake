# What `cmake --install` and `cpack` put where: one Debian package for Core (orthanc-clinic-core) and one for each
# plugin (orthanc-clinic-matching …).
#
#   cmake --preset run && cmake --build --preset run && (cd build/run && cpack)
#
# Core lies in a folder of its own, found by the plugins through their RPATH: nothing else shall link it. Orthanc ends
# at once when a plugin misses a library, so that every dependency is declared (dpkg-shlibdeps).

# Below /usr, configuration goes to /etc; below any other prefix it stays there.
set(CLINIC_JSON ${PROJECT_SOURCE_DIR}/OrthancConfiguration/clinic-core.json)
string(CONFIGURE [[
  string(REGEX REPLACE "/usr$" "" configuration_prefix "${CMAKE_INSTALL_PREFIX}")
  file(INSTALL "@CLINIC_JSON@" DESTINATION "${configuration_prefix}/etc/orthanc" RENAME clinic.json)
]] install_configuration @ONLY)
install(CODE "${install_configuration}" COMPONENT Core)
install(FILES ${PROJECT_SOURCE_DIR}/README.md DESTINATION share/doc/orthanc-clinic-core COMPONENT Core)
set(CPACK_COMPONENTS_ALL Core)
foreach(plugin ${ORTHANC_CLINIC_PLUGINS})
  string(TOLOWER ${plugin} name)
  if(TARGET OrthancClinic${plugin})
    list(APPEND CPACK_COMPONENTS_ALL ${plugin})
    install(FILES ${PROJECT_SOURCE_DIR}/OrthancConfiguration/clinic-${name}.json
      DESTINATION share/doc/orthanc-clinic-${name}/examples COMPONENT ${plugin} OPTIONAL)
    install(FILES ${PROJECT_SOURCE_DIR}/Plugins/${plugin}/README.md
      DESTINATION share/doc/orthanc-clinic-${name} COMPONENT ${plugin} OPTIONAL)
  endif()
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME orthanc-clinic)
set(CPACK_PACKAGE_CONTACT "Orthanc Clinic <orthanc-clinic@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)

foreach(component ${CPACK_COMPONENTS_ALL})
  string(TOUPPER ${component} upper)
  string(TOLOWER ${component} name)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME orthanc-clinic-${name})
  set(CPACK_COMPONENT_${upper}_DESCRIPTION
    "${PROJECT_DESCRIPTION}: ${component}.\n See /usr/share/doc/orthanc-clinic-${name}/README.md.")
  if(component STREQUAL Core)
    set(CPACK_DEBIAN_CORE_PACKAGE_DEPENDS "orthanc (>= 1.10.1)")
    set(CPACK_DEBIAN_CORE_PACKAGE_RECOMMENDS "orthanc-dicomweb")
    file(WRITE ${CMAKE_BINARY_DIR}/packaging/conffiles "/etc/orthanc/clinic.json\n")
    set(CPACK_DEBIAN_CORE_PACKAGE_CONTROL_EXTRA ${CMAKE_BINARY_DIR}/packaging/conffiles)
    set(CPACK_DEBIAN_CORE_PACKAGE_CONTROL_STRICT_PERMISSION ON)
  else()
    set(CPACK_COMPONENT_${upper}_DEPENDS Core)
    if(component STREQUAL Analysis)
      set(CPACK_DEBIAN_ANALYSIS_PACKAGE_RECOMMENDS "fonts-unifont")
    endif()
  endif()
endforeach()

include(CPack)
