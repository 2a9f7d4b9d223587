// SPDX-License-Identifier: BSL-1.0
// Built by nobody: its entry in compile_commands.json tells with which flags a user of the library compiles.
#include <pglocks/fwd.hpp>
