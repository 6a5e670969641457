# Turns SPIR-V files into one C++ source: cmake -DSPV_DIR=… -DOUTPUT=… -P embed_shaders.cmake
# Files are <name>.f32.spv and <name>.f16.spv, little-endian words.
file(GLOB files ${SPV_DIR}/*.spv)
list(SORT files)
set(names)
set(arrays)
foreach(file ${files})
  get_filename_component(base ${file} NAME)
  if(NOT base MATCHES "^([A-Za-z0-9_]+)\\.(f32|f16)\\.spv$")
    message(FATAL_ERROR "${file}: a shader's file is called NAME.f32.spv or NAME.f16.spv")
  endif()
  set(name ${CMAKE_MATCH_1})
  set(precision ${CMAKE_MATCH_2})
  file(READ ${file} bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR rest "${digits} % 8")
  string(SUBSTRING "${bytes}" 0 8 magic)
  if(digits EQUAL 0 OR NOT rest EQUAL 0 OR NOT magic STREQUAL "03022307")
    message(FATAL_ERROR "${file} is not little-endian SPIR-V")
  endif()
  string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1," words "${bytes}")
  # Lines of bounded length: compilers and editors choke on one of a megabyte.
  string(REGEX REPLACE "(...........,...........,...........,...........,...........,...........,...........,...........,)"
         "\\1\n" words "${words}")
  string(APPEND arrays "const uint32_t ${name}_${precision}[] = {\n${words}};\n")
  list(APPEND names ${name})
  set(has_${name}_${precision} TRUE)
endforeach()
list(REMOVE_DUPLICATES names)
list(SORT names)
set(rows)
foreach(name ${names})
  set(row "    {\"${name}\"")
  foreach(precision f32 f16)
    if(has_${name}_${precision})
      string(APPEND row ", ${name}_${precision}")
    else()
      string(APPEND row ", {}")
    endif()
  endforeach()
  string(APPEND rows "${row}},\n")
endforeach()
file(WRITE ${OUTPUT} "// Generated from the SPIR-V of shaders/spv by embed_shaders.cmake.
#include \"vk/shader_registry.h\"

namespace sluice::vk::detail {
namespace {
${arrays}const EmbeddedShader shaders[] = {
${rows}    {nullptr, {}, {}},
};
}  // namespace
std::span<const EmbeddedShader> embedded_shaders() { return {shaders, std::size(shaders) - 1}; }
}  // namespace sluice::vk::detail
")
