# Finds the system libraries, says which Debian package is missing, and gathers them in
# the target `fanout_libraries` together with the baseline of the machine code.
add_library(fanout_libraries INTERFACE)

function(require_library header library debian_package)
  find_path(${library}_INCLUDE ${header})
  find_library(${library}_LIBRARY ${library})
  if(NOT ${library}_INCLUDE OR NOT ${library}_LIBRARY)
    message(FATAL_ERROR "spacescore needs lib${library} (${header}). On Debian:\n  apt-get install ${debian_package}")
  endif()
  target_include_directories(fanout_libraries INTERFACE ${${library}_INCLUDE})
  target_link_libraries(fanout_libraries INTERFACE ${${library}_LIBRARY})
endfunction()

require_library(openssl/ssl.h ssl libssl-dev)
require_library(openssl/evp.h crypto libssl-dev)
require_library(opus/opus.h opus libopus-dev)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  target_compile_options(fanout_libraries INTERFACE -march=x86-64-v2)
  if(SPACESCORE_IPSEC_MB)
    require_library(intel-ipsec-mb.h IPSec_MB libipsec-mb-dev)
    target_compile_definitions(fanout_libraries INTERFACE FANOUT_HAS_IPSEC_MB=1)
  endif()
endif()

if(SPACESCORE_SANITIZE)
  target_compile_options(fanout_libraries INTERFACE
    -fsanitize=${SPACESCORE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  target_link_options(fanout_libraries INTERFACE -fsanitize=${SPACESCORE_SANITIZE})
endif()
