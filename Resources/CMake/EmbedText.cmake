# embed_text(<out.cpp> <namespace> <function> <file>...)
#
# Writes a C++ file that defines `std::vector<std::pair<std::string_view, std::string_view>> <function>()`:
# the name and content of each file, in the order of their names. Used for migrations and other data that the
# libraries carry with them.
function(embed_text OUT NAMESPACE FUNCTION)
  set(files ${ARGN})
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
