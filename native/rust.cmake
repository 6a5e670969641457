# The Rust crates as static libraries. Cargo decides what is stale, so it runs at every build and mostly does nothing.
get_filename_component(cargo_dir "${SLUICE_CARGO}" DIRECTORY)
set(cargo_env)
if(cargo_dir)
  # rustc is found beside the cargo that was chosen.
  set(cargo_env ${CMAKE_COMMAND} -E env "PATH=${cargo_dir}:$ENV{PATH}")
endif()

set(rust_out ${SLUICE_CARGO_TARGET_DIR}/release)
add_custom_target(sluice_cargo
  COMMAND ${cargo_env} ${SLUICE_CARGO} build --quiet --release --locked
          --manifest-path ${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml --target-dir ${SLUICE_CARGO_TARGET_DIR}
  BYPRODUCTS ${rust_out}/libsluice_rust.a ${rust_out}/libskytnt_midi.a
  COMMENT "Rust crates"
  VERBATIM)

# add_rust_library(NAME FILE INCLUDE…): a target to link, with what Rust's standard library needs of the system.
function(add_rust_library name file)
  add_library(${name} STATIC IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${rust_out}/${file})
  foreach(dir ${ARGN})
    if(EXISTS ${dir})
      target_include_directories(${name} INTERFACE ${dir})
    endif()
  endforeach()
  target_link_libraries(${name} INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
  add_dependencies(${name} sluice_cargo)
endfunction()

find_package(Threads REQUIRED)
set(midi_include ${CMAKE_CURRENT_SOURCE_DIR}/midi/include)
set(grammar_include ${CMAKE_CURRENT_SOURCE_DIR}/grammar/include)
add_rust_library(sluice_rust libsluice_rust.a ${midi_include} ${grammar_include})
# For C programs that want the MIDI crate alone.
add_rust_library(skytnt_midi libskytnt_midi.a ${midi_include})
