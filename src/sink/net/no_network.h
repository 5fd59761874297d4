// The advice of a sink that needs a network in a sandbox without one, such as slurper's unit.
#pragma once

#include "slurper/result.h"

namespace slurper {

// Returns the remedy if a network call failed with `errnum` (0: unknown) because this process has no
// network: it may not use the Internet's socket families (RestrictAddressFamilies=), or, as a service, has
// only its own loopback interface (PrivateNetwork=) or its packets are refused (IPAddressDeny=). Empty if
// the cause is another one, for which other advice applies. Looks at this process at the moment of the call.
// Any thread.
[[nodiscard]] Phrase network_remedy(int errnum);

}  // namespace slurper
