# embed_text(<out.cpp> <namespace> <function> <file>... [HEADER <header that declares the function>])
#
# Writes a C++ file that defines `std::vector<std::pair<std::string_view, std::string_view>> <function>()`:
# the name and content of each file, in the order of their names. Used for migrations and other data that the
# libraries carry with them.
function(embed_text OUT NAMESPACE FUNCTION)
  cmake_parse_arguments(PARSE_ARGV 3 EMBED "" "HEADER" "")
  set(files ${EMBED_UNPARSED_ARGUMENTS})
  set(include "")
  if(EMBED_HEADER)
    set(include "#include \"${EMBED_HEADER}\"\n")
  endif()
  list(SORT files)
  set(entries "")
  foreach(file ${files})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} content)
    get_filename_component(name ${file} NAME)
    string(APPEND entries "    {\"${name}\", R\"EMBEDDED(${content})EMBEDDED\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${OUT} CONTENT
"#include <string_view>
#include <utility>
#include <vector>
@include@
namespace @NAMESPACE@
{
std::vector<std::pair<std::string_view, std::string_view>> @FUNCTION@()
{
  return {
@entries@  };
}
}  // namespace @NAMESPACE@
" @ONLY)
endfunction()
