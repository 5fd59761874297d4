// Socket addresses and connections, as parameters have them.
#pragma once

#include <string>
#include <string_view>

#include "trace/model/open_file.h"

namespace slurper {

// "1.2.3.4:80", "/run/x"; empty if it is neither.
void append_sockaddr(std::string& out, std::string_view value);

// "1.2.3.4:80->5.6.7.8:90", "1f->2a /run/x"; empty if it is neither.
void append_tuple(std::string& out, std::string_view value);

// Gives the file the ends and the name of a connection. False if the tuple is none.
bool set_tuple(OpenFile& file, std::string_view tuple);

// Gives the file the end that it is about to be connected with.
bool set_target(OpenFile& file, std::string_view sockaddr);

// Makes a socket that listens there of the file, or names it by the path.
bool set_address(OpenFile& file, std::string_view sockaddr);

}  // namespace slurper
