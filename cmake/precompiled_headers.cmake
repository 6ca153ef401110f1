# SPDX-License-Identifier: Apache-2.0
#
# One set of precompiled headers for the libraries (position-independent code), one for the programs of tests.

function(collect_targets folder result)
    get_property(targets DIRECTORY "${folder}" PROPERTY BUILDSYSTEM_TARGETS)
    get_property(folders DIRECTORY "${folder}" PROPERTY SUBDIRECTORIES)
    foreach(below IN LISTS folders)
        collect_targets("${below}" more)
        list(APPEND targets ${more})
    endforeach()
    set(${result} ${targets} PARENT_SCOPE)
endfunction()

set(common_headers <fmt/format.h> <algorithm> <chrono> <expected> <filesystem> <functional> <map> <memory> <optional>
    <span> <string> <string_view> <unordered_map> <variant> <vector>)

file(CONFIGURE OUTPUT precompiled/empty.cpp CONTENT "")
file(CONFIGURE OUTPUT precompiled/main.cpp CONTENT "int main() {}\n")
add_library(ecryptfs_precompiled STATIC "${CMAKE_CURRENT_BINARY_DIR}/precompiled/empty.cpp")
target_link_libraries(ecryptfs_precompiled PRIVATE ecryptfs_flags fmt::fmt)
target_precompile_headers(ecryptfs_precompiled PRIVATE ${common_headers})

if(TARGET GTest::gmock)
    add_executable(ecryptfs_precompiled_tests EXCLUDE_FROM_ALL "${CMAKE_CURRENT_BINARY_DIR}/precompiled/main.cpp")
    target_link_libraries(ecryptfs_precompiled_tests PRIVATE ecryptfs_flags fmt::fmt GTest::gmock)
    target_precompile_headers(ecryptfs_precompiled_tests PRIVATE ${common_headers} <gmock/gmock.h> <gtest/gtest.h>
        <nlohmann/json.hpp>)
endif()

collect_targets("${PROJECT_SOURCE_DIR}" all_targets)
foreach(target IN LISTS all_targets)
    get_target_property(type ${target} TYPE)
    get_target_property(libraries ${target} LINK_LIBRARIES)
    if(target MATCHES "^ecryptfs_precompiled")
        continue()
    elseif(type MATCHES "STATIC_LIBRARY|OBJECT_LIBRARY")
        target_precompile_headers(${target} REUSE_FROM ecryptfs_precompiled)
    elseif(type STREQUAL "EXECUTABLE" AND libraries MATCHES "GTest::gmock")
        target_precompile_headers(${target} REUSE_FROM ecryptfs_precompiled_tests)
    endif()
endforeach()
