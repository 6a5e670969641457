# Makes the build quicker, and nothing else: a file of its own, so that nobody's server is built again for it (its key in
# scripts/lib/language.mjs names CMakeLists.txt). Included by project(); waits for the end of CMakeLists.txt.
function(make_quicker)
    # Most sources but the arithmetic's are small, and take longer to read headers than to compile.
    foreach(part llama mtmd llama-common server-context llama-server-impl)
        target_precompile_headers(${part} PRIVATE <algorithm> <atomic> <chrono> <cmath> <cstring> <fstream> <functional>
            <map> <memory> <mutex> <regex> <set> <sstream> <string> <thread> <unordered_map> <vector>)
    endforeach()
    # Those with options of their own: what was precompiled with other ones does not fit.
    set_source_files_properties("${LLAMA_SOURCE}/src/llama-sampler.cpp" "${LLAMA_SOURCE}/src/llama-vocab.cpp"
                                "${LLAMA_SOURCE}/common/sampling.cpp"
                                TARGET_DIRECTORY llama llama-common PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    # The smallest are joined, as llama.cpp itself joins those of its models: a file a picture model, a file a chat format.
    foreach(part mtmd llama-common)
        set_target_properties(${part} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
        get_target_property(folder ${part} SOURCE_DIR)
        get_target_property(files ${part} SOURCES)
        list(FILTER files EXCLUDE REGEX "(^|/)(models|parsers)/[^/]*\\.cpp$")
        list(TRANSFORM files PREPEND "${folder}/" REGEX "^[^/]")
        set_source_files_properties(${files} TARGET_DIRECTORY ${part} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endforeach()
endfunction()

cmake_language(DEFER CALL make_quicker)
