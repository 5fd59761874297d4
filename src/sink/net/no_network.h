// A sandbox without a network, as slurper's unit is: what a sink that needs one advises then.
#pragma once

#include <string>

namespace slurper {

// What to do if a call for the network failed with `errnum` (0: unknown) because this process has none: no
// socket of the Internet's families (RestrictAddressFamilies=), or as a service no interface but its own
// loopback (PrivateNetwork=) or packets refused (IPAddressDeny=). Empty if that is not why, so that other
// advice counts. Looks at this process at this moment. Any thread.
[[nodiscard]] std::string network_remedy(int errnum);

}  // namespace slurper
