# Fetches Swagger UI (the versions and hashes of WebAssets/swagger-ui/package-lock.json) into the build folder, puts
# the files that Core serves at /api/ into share/orthanc-clinic/swagger-ui there, and installs them. Without npm, or
# when the registry cannot be reached, everything else is built all the same: the description of the API stays at
# /api/openapi.json, and only the page that shows it is absent.
option(ORTHANC_CLINIC_SWAGGER_UI "Fetch Swagger UI by npm" ON)

function(fetch_swagger_ui)
  set(source ${PROJECT_SOURCE_DIR}/WebAssets/swagger-ui)
  set(work ${CMAKE_BINARY_DIR}/swagger-ui)
  set(target ${CMAKE_BINARY_DIR}/share/orthanc-clinic/swagger-ui)
  set(files swagger-ui.css swagger-ui-bundle.js favicon-32x32.png LICENSE NOTICE)

  find_program(NPM npm)
  if(NOT ORTHANC_CLINIC_SWAGGER_UI OR NOT NPM)
    message(STATUS "Swagger UI: left out, since npm is absent or ORTHANC_CLINIC_SWAGGER_UI is off")
    return()
  endif()

  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source}/package-lock.json)
  file(SHA256 ${source}/package-lock.json wanted)
  set(present "")
  if(EXISTS ${work}/fetched AND EXISTS ${target}/swagger-ui-bundle.js)
    file(READ ${work}/fetched present)
  endif()
  if(NOT present STREQUAL wanted)
    file(COPY ${source}/package.json ${source}/package-lock.json ${source}/.npmrc DESTINATION ${work})
    execute_process(COMMAND ${NPM} ci --no-audit --no-fund WORKING_DIRECTORY ${work}
      RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE error TIMEOUT 300)
    if(NOT result EQUAL 0)
      message(STATUS "Swagger UI: left out, since npm could not fetch it: ${error}")
      return()
    endif()
    foreach(file ${files})
      file(COPY ${work}/node_modules/swagger-ui-dist/${file} DESTINATION ${target})
    endforeach()
    file(WRITE ${work}/fetched ${wanted})
  endif()
  message(STATUS "Swagger UI: in ${target}")
  install(DIRECTORY ${target} DESTINATION ${CMAKE_INSTALL_DATADIR}/orthanc-clinic COMPONENT Core)
endfunction()
