#include "trace/symbols.h"

#include <algorithm>

namespace slurper {

namespace {

constexpr Symbol kAccess[] = {{4, "R_OK"}, {2, "W_OK"}, {1, "X_OK"}, {0, "F_OK"}};
constexpr Symbol kClone[] = {{1, "CLONE_FILES"},
                             {2, "CLONE_FS"},
                             {4, "CLONE_IO"},
                             {8, "CLONE_NEWIPC"},
                             {16, "CLONE_NEWNET"},
                             {32, "CLONE_NEWNS"},
                             {64, "CLONE_NEWPID"},
                             {128, "CLONE_NEWUTS"},
                             {256, "CLONE_PARENT"},
                             {512, "CLONE_PARENT_SETTID"},
                             {1024, "CLONE_PTRACE"},
                             {2048, "CLONE_SIGHAND"},
                             {4096, "CLONE_SYSVSEM"},
                             {8192, "CLONE_THREAD"},
                             {16384, "CLONE_UNTRACED"},
                             {32768, "CLONE_VM"},
                             {65536, "CLONE_INVERTED"},
                             {131072, "NAME_CHANGED"},
                             {262144, "CLOSED"},
                             {1048576, "CLONE_NEWUSER"},
                             {8388608, "CLONE_CHILD_CLEARTID"},
                             {16777216, "CLONE_CHILD_SETTID"},
                             {33554432, "CLONE_SETTLS"},
                             {67108864, "CLONE_STOPPED"},
                             {134217728, "CLONE_VFORK"},
                             {268435456, "CLONE_NEWCGROUP"}};
constexpr Symbol kExec[] = {{1, "EXE_WRITABLE"}};
constexpr Symbol kExecveat[] = {{1, "AT_EMPTY_PATH"}, {2, "AT_SYMLINK_NOFOLLOW"}};
constexpr Symbol kFamily[] = {
    {39, "AF_NFC"},    {38, "AF_ALG"},   {37, "AF_CAIF"},     {36, "AF_IEEE802154"}, {35, "AF_PHONET"},
    {34, "AF_ISDN"},   {33, "AF_RXRPC"}, {32, "AF_IUCV"},     {31, "AF_BLUETOOTH"},  {30, "AF_TIPC"},
    {29, "AF_CAN"},    {26, "AF_LLC"},   {25, "AF_WANPIPE"},  {24, "AF_PPPOX"},      {23, "AF_IRDA"},
    {22, "AF_SNA"},    {21, "AF_RDS"},   {20, "AF_ATMSVC"},   {19, "AF_ECONET"},     {18, "AF_ASH"},
    {17, "AF_PACKET"}, {16, "AF_ROUTE"}, {15, "AF_KEY"},      {14, "AF_SECURITY"},   {13, "AF_NETBEUI"},
    {12, "AF_DECnet"}, {11, "AF_ROSE"},  {10, "AF_INET6"},    {9, "AF_X25"},         {8, "AF_ATMPVC"},
    {7, "AF_BRIDGE"},  {6, "AF_NETROM"}, {5, "AF_APPLETALK"}, {4, "AF_IPX"},         {3, "AF_AX25"},
    {2, "AF_INET"},    {1, "AF_LOCAL"},  {0, "AF_UNSPEC"}};
constexpr Symbol kFcntl[] = {
    {29, "F_GETPIPE_SZ"}, {28, "F_SETPIPE_SZ"}, {27, "F_NOTIFY"},    {26, "F_DUPFD_CLOEXEC"},
    {25, "F_CANCELLK"},   {24, "F_GETLEASE"},   {23, "F_SETLEASE"},  {22, "F_GETOWN_EX"},
    {21, "F_SETOWN_EX"},  {19, "F_SETLKW64"},   {18, "F_SETLK64"},   {17, "F_GETLK64"},
    {15, "F_GETSIG"},     {13, "F_SETSIG"},     {12, "F_GETOWN"},    {10, "F_SETOWN"},
    {9, "F_SETLKW"},      {8, "F_SETLK"},       {6, "F_GETLK"},      {5, "F_SETFL"},
    {4, "F_GETFL"},       {3, "F_SETFD"},       {2, "F_GETFD"},      {1, "F_DUPFD"},
    {0, "UNKNOWN"},       {30, "F_OFD_GETLK"},  {31, "F_OFD_SETLK"}, {32, "F_OFD_SETLKW"}};
constexpr Symbol kFlock[] = {
    {0, "LOCK_NONE"}, {1, "LOCK_SH"}, {2, "LOCK_EX"}, {4, "LOCK_NB"}, {8, "LOCK_UN"}};
constexpr Symbol kFutex[] = {{256, "FUTEX_CLOCK_REALTIME"},
                             {128, "FUTEX_PRIVATE_FLAG"},
                             {12, "FUTEX_CMP_REQUEUE_PI"},
                             {11, "FUTEX_WAIT_REQUEUE_PI"},
                             {10, "FUTEX_WAKE_BITSET"},
                             {9, "FUTEX_WAIT_BITSET"},
                             {8, "FUTEX_TRYLOCK_PI"},
                             {7, "FUTEX_UNLOCK_PI"},
                             {6, "FUTEX_LOCK_PI"},
                             {5, "FUTEX_WAKE_OP"},
                             {4, "FUTEX_CMP_REQUEUE"},
                             {3, "FUTEX_REQUEUE"},
                             {2, "FUTEX_FD"},
                             {1, "FUTEX_WAKE"},
                             {0, "FUTEX_WAIT"}};
constexpr Symbol kLevel[] = {{0, "UNKNOWN"}, {1, "SOL_SOCKET"}, {2, "SOL_TCP"}};
constexpr Symbol kLinkat[] = {{1024, "AT_SYMLINK_FOLLOW"}, {4096, "AT_EMPTY_PATH"}};
constexpr Symbol kMmap[] = {{1, "MAP_SHARED"},      {2, "MAP_PRIVATE"},      {4, "MAP_FIXED"},
                            {8, "MAP_ANONYMOUS"},   {16, "MAP_32BIT"},       {32, "MAP_RENAME"},
                            {64, "MAP_NORESERVE"},  {128, "MAP_POPULATE"},   {256, "MAP_NONBLOCK"},
                            {512, "MAP_GROWSDOWN"}, {1024, "MAP_DENYWRITE"}, {2048, "MAP_EXECUTABLE"},
                            {4096, "MAP_INHERIT"},  {8192, "MAP_FILE"},      {16384, "MAP_LOCKED"}};
constexpr Symbol kMode[] = {{1, "S_IXOTH"},   {2, "S_IWOTH"},   {4, "S_IROTH"},    {8, "S_IXGRP"},
                            {16, "S_IWGRP"},  {32, "S_IRGRP"},  {64, "S_IXUSR"},   {128, "S_IWUSR"},
                            {256, "S_IRUSR"}, {512, "S_ISVTX"}, {1024, "S_ISGID"}, {2048, "S_ISUID"}};
constexpr Symbol kMount[] = {{1, "RDONLY"},
                             {2, "NOSUID"},
                             {4, "NODEV"},
                             {8, "NOEXEC"},
                             {16, "SYNCHRONOUS"},
                             {32, "REMOUNT"},
                             {64, "MANDLOCK"},
                             {128, "DIRSYNC"},
                             {1024, "NOATIME"},
                             {2048, "NODIRATIME"},
                             {4096, "BIND"},
                             {8192, "MOVE"},
                             {16384, "REC"},
                             {32768, "SILENT"},
                             {65536, "POSIXACL"},
                             {131072, "UNBINDABLE"},
                             {262144, "PRIVATE"},
                             {524288, "SLAVE"},
                             {1048576, "SHARED"},
                             {2097152, "RELATIME"},
                             {4194304, "KERNMOUNT"},
                             {8388608, "I_VERSION"},
                             {16777216, "STRICTATIME"},
                             {33554432, "LAZYTIME"},
                             {268435456, "NOSEC"},
                             {536870912, "BORN"},
                             {1073741824, "ACTIVE"},
                             {2147483648U, "NOUSER"}};
constexpr Symbol kOpen[] = {
    {2048, "O_LARGEFILE"}, {1024, "O_DIRECTORY"}, {512, "O_DIRECT"},   {256, "O_TRUNC"},
    {128, "O_SYNC"},       {64, "O_NONBLOCK"},    {32, "O_EXCL"},      {16, "O_DSYNC"},
    {8, "O_APPEND"},       {4, "O_CREAT"},        {3, "O_RDWR"},       {2, "O_WRONLY"},
    {1, "O_RDONLY"},       {0, "O_NONE"},         {4096, "O_CLOEXEC"}, {8192, "O_TMPFILE"}};
constexpr Symbol kOption[] = {{53, "SO_COOKIE"},
                              {52, "SO_MEMINFO"},
                              {51, "SO_PEERGROUPS"},
                              {50, "SO_ATTACH_BPF"},
                              {49, "SO_INCOMING_CPU"},
                              {48, "SO_BPF_EXTENSIONS"},
                              {47, "SO_MAX_PACING_RATE"},
                              {46, "SO_BUSY_POLL"},
                              {45, "SO_SELECT_ERR_QUEUE"},
                              {44, "SO_LOCK_FILTER"},
                              {43, "SO_NOFCS"},
                              {42, "SO_PEEK_OFF"},
                              {41, "SO_WIFI_STATUS"},
                              {40, "SO_RXQ_OVFL"},
                              {39, "SO_DOMAIN"},
                              {38, "SO_PROTOCOL"},
                              {37, "SO_TIMESTAMPING"},
                              {36, "SO_MARK"},
                              {35, "SO_TIMESTAMPNS"},
                              {34, "SO_PASSSEC"},
                              {33, "SO_RCVBUFFORCE"},
                              {32, "SO_SNDBUFFORCE"},
                              {31, "SO_PEERSEC"},
                              {30, "SO_ACCEPTCONN"},
                              {29, "SO_TIMESTAMP"},
                              {28, "SO_PEERNAME"},
                              {27, "SO_DETACH_FILTER"},
                              {26, "SO_ATTACH_FILTER"},
                              {25, "SO_BINDTODEVICE"},
                              {24, "SO_SECURITY_ENCRYPTION_NETWORK"},
                              {23, "SO_SECURITY_ENCRYPTION_TRANSPORT"},
                              {22, "SO_SECURITY_AUTHENTICATION"},
                              {21, "SO_SNDTIMEO"},
                              {20, "SO_RCVTIMEO"},
                              {19, "SO_SNDLOWAT"},
                              {18, "SO_RCVLOWAT"},
                              {17, "SO_PEERCRED"},
                              {16, "SO_PASSCRED"},
                              {15, "SO_REUSEPORT"},
                              {14, "SO_BSDCOMPAT"},
                              {13, "SO_LINGER"},
                              {12, "SO_PRIORITY"},
                              {11, "SO_NO_CHECK"},
                              {10, "SO_OOBINLINE"},
                              {9, "SO_KEEPALIVE"},
                              {8, "SO_RCVBUF"},
                              {7, "SO_SNDBUF"},
                              {6, "SO_BROADCAST"},
                              {5, "SO_DONTROUTE"},
                              {4, "SO_ERROR"},
                              {3, "SO_TYPE"},
                              {2, "SO_REUSEADDR"},
                              {1, "SO_DEBUG"},
                              {0, "UNKNOWN"}};
constexpr Symbol kPageFault[] = {
    {1, "PROTECTION_VIOLATION"}, {2, "PAGE_NOT_PRESENT"},  {4, "WRITE_ACCESS"},   {8, "READ_ACCESS"},
    {16, "USER_FAULT"},          {32, "SUPERVISOR_FAULT"}, {64, "RESERVED_PAGE"}, {128, "INSTRUCTION_FETCH"}};
constexpr Symbol kProt[] = {{0, "PROT_NONE"}, {1, "PROT_READ"},       {2, "PROT_WRITE"},    {4, "PROT_EXEC"},
                            {8, "PROT_SEM"},  {16, "PROT_GROWSDOWN"}, {32, "PROT_GROWSUP"}, {64, "PROT_SAO"}};
constexpr Symbol kPtrace[] = {{38, "PTRACE_SINGLEBLOCK"},
                              {37, "PTRACE_SYSEMU_SINGLESTEP"},
                              {36, "PTRACE_SYSEMU"},
                              {35, "PTRACE_ARCH_PRCTL"},
                              {34, "PTRACE_SET_THREAD_AREA"},
                              {33, "PTRACE_GET_THREAD_AREA"},
                              {32, "PTRACE_OLDSETOPTIONS"},
                              {31, "PTRACE_SETFPXREGS"},
                              {30, "PTRACE_GETFPXREGS"},
                              {29, "PTRACE_SETFPREGS"},
                              {28, "PTRACE_GETFPREGS"},
                              {27, "PTRACE_SETREGS"},
                              {26, "PTRACE_GETREGS"},
                              {25, "PTRACE_SETSIGMASK"},
                              {24, "PTRACE_GETSIGMASK"},
                              {23, "PTRACE_PEEKSIGINFO"},
                              {22, "PTRACE_LISTEN"},
                              {21, "PTRACE_INTERRUPT"},
                              {20, "PTRACE_SEIZE"},
                              {19, "PTRACE_SETREGSET"},
                              {18, "PTRACE_GETREGSET"},
                              {17, "PTRACE_SETSIGINFO"},
                              {16, "PTRACE_GETSIGINFO"},
                              {15, "PTRACE_GETEVENTMSG"},
                              {14, "PTRACE_SETOPTIONS"},
                              {13, "PTRACE_SYSCALL"},
                              {12, "PTRACE_DETACH"},
                              {11, "PTRACE_ATTACH"},
                              {10, "PTRACE_SINGLESTEP"},
                              {9, "PTRACE_KILL"},
                              {8, "PTRACE_CONT"},
                              {7, "PTRACE_POKEUSR"},
                              {6, "PTRACE_POKEDATA"},
                              {5, "PTRACE_POKETEXT"},
                              {4, "PTRACE_PEEKUSR"},
                              {3, "PTRACE_PEEKDATA"},
                              {2, "PTRACE_PEEKTEXT"},
                              {1, "PTRACE_TRACEME"},
                              {0, "PTRACE_UNKNOWN"}};
constexpr Symbol kQuotaCmd[] = {{1, "Q_QUOTAON"},      {2, "Q_QUOTAOFF"},     {4, "Q_GETFMT"},
                                {8, "Q_GETINFO"},      {16, "Q_SETINFO"},     {32, "Q_GETQUOTA"},
                                {64, "Q_SETQUOTA"},    {128, "Q_SYNC"},       {256, "Q_XQUOTAON"},
                                {512, "Q_XQUOTAOFF"},  {1024, "Q_XGETQUOTA"}, {2048, "Q_XSETQLIM"},
                                {4096, "Q_XGETQSTAT"}, {8192, "Q_XQUOTARM"},  {16384, "Q_XQUOTASYNC"}};
constexpr Symbol kQuotaFlags[] = {{1, "DQF_NONE"}, {2, "V1_DQF_RSQUASH"}};
constexpr Symbol kQuotaFormat[] = {
    {1, "QFMT_NOT_USED"}, {2, "QFMT_VFS_OLD"}, {4, "QFMT_VFS_V0"}, {8, "QFMT_VFS_V1"}};
constexpr Symbol kQuotaType[] = {{1, "USRQUOTA"}, {2, "GRPQUOTA"}};
constexpr Symbol kRenameat2[] = {{1, "RENAME_NOREPLACE"}, {2, "RENAME_EXCHANGE"}, {4, "RENAME_WHITEOUT"}};
constexpr Symbol kResolve[] = {{1, "RESOLVE_BENEATH"},       {2, "RESOLVE_IN_ROOT"},
                               {4, "RESOLVE_NO_MAGICLINKS"}, {8, "RESOLVE_NO_SYMLINKS"},
                               {16, "RESOLVE_NO_XDEV"},      {32, "RESOLVE_CACHED"}};
constexpr Symbol kRlimit[] = {{255, "RLIMIT_UNKNOWN"}, {15, "RLIMIT_RTTIME"},   {14, "RLIMIT_RTPRIO"},
                              {13, "RLIMIT_NICE"},     {12, "RLIMIT_MSGQUEUE"}, {11, "RLIMIT_SIGPENDING"},
                              {10, "RLIMIT_LOCKS"},    {9, "RLIMIT_AS"},        {8, "RLIMIT_MEMLOCK"},
                              {7, "RLIMIT_NOFILE"},    {6, "RLIMIT_NPROC"},     {5, "RLIMIT_RSS"},
                              {4, "RLIMIT_CORE"},      {3, "RLIMIT_STACK"},     {2, "RLIMIT_DATA"},
                              {1, "RLIMIT_FSIZE"},     {0, "RLIMIT_CPU"}};
constexpr Symbol kSemctl[] = {{1, "IPC_STAT"},  {2, "IPC_SET"},   {4, "IPC_RMID"},   {8, "IPC_INFO"},
                              {16, "SEM_INFO"}, {32, "SEM_STAT"}, {64, "GETALL"},    {128, "GETNCNT"},
                              {256, "GETPID"},  {512, "GETVAL"},  {1024, "GETZCNT"}, {2048, "SETALL"},
                              {4096, "SETVAL"}};
constexpr Symbol kSemget[] = {{16384, "IPC_EXCL"}, {8192, "IPC_CREAT"}};
constexpr Symbol kSemop[] = {{1, "IPC_NOWAIT"}, {2, "SEM_UNDO"}};
constexpr Symbol kShutdown[] = {{2, "SHUT_RDWR"}, {1, "SHUT_WR"}, {0, "SHUT_RD"}};
constexpr Symbol kSignal[] = {
    {1, "SIGHUP"},   {2, "SIGINT"},     {3, "SIGQUIT"},  {4, "SIGILL"},     {5, "SIGTRAP"},  {6, "SIGABRT"},
    {7, "SIGBUS"},   {8, "SIGFPE"},     {9, "SIGKILL"},  {10, "SIGUSR1"},   {11, "SIGSEGV"}, {12, "SIGUSR2"},
    {13, "SIGPIPE"}, {14, "SIGALRM"},   {15, "SIGTERM"}, {16, "SIGSTKFLT"}, {17, "SIGCHLD"}, {18, "SIGCONT"},
    {19, "SIGSTOP"}, {20, "SIGTSTP"},   {21, "SIGTTIN"}, {22, "SIGTTOU"},   {23, "SIGURG"},  {24, "SIGXCPU"},
    {25, "SIGXFSZ"}, {26, "SIGVTALRM"}, {27, "SIGPROF"}, {28, "SIGWINCH"},  {29, "SIGIO"},   {30, "SIGPWR"},
    {31, "SIGSYS"}};
constexpr Symbol kSplice[] = {
    {1, "SPLICE_F_MOVE"}, {2, "SPLICE_F_NONBLOCK"}, {4, "SPLICE_F_MORE"}, {8, "SPLICE_F_GIFT"}};
constexpr Symbol kUmount[] = {{1, "FORCE"}, {2, "DETACH"}, {4, "EXPIRE"}, {8, "NOFOLLOW"}};
constexpr Symbol kUnlinkat[] = {{512, "AT_REMOVEDIR"}};
constexpr Symbol kWhence[] = {{2, "SEEK_END"}, {1, "SEEK_CUR"}, {0, "SEEK_SET"}};

constexpr SymbolTable kTables[] = {{"access", kAccess},
                                   {"clone", kClone},
                                   {"exec", kExec},
                                   {"execveat", kExecveat},
                                   {"family", kFamily},
                                   {"fcntl", kFcntl},
                                   {"flock", kFlock},
                                   {"futex", kFutex},
                                   {"level", kLevel},
                                   {"linkat", kLinkat},
                                   {"mmap", kMmap},
                                   {"mode", kMode},
                                   {"mount", kMount},
                                   {"open", kOpen},
                                   {"option", kOption},
                                   {"page_fault", kPageFault},
                                   {"prot", kProt},
                                   {"ptrace", kPtrace},
                                   {"quota_cmd", kQuotaCmd},
                                   {"quota_flags", kQuotaFlags},
                                   {"quota_format", kQuotaFormat},
                                   {"quota_type", kQuotaType},
                                   {"renameat2", kRenameat2},
                                   {"resolve", kResolve},
                                   {"rlimit", kRlimit},
                                   {"semctl", kSemctl},
                                   {"semget", kSemget},
                                   {"semop", kSemop},
                                   {"shutdown", kShutdown},
                                   {"signal", kSignal},
                                   {"splice", kSplice},
                                   {"umount", kUmount},
                                   {"unlinkat", kUnlinkat},
                                   {"whence", kWhence}};

}  // namespace

const SymbolTable* find_symbols(std::string_view name) {
  const auto found = std::ranges::find(kTables, name, &SymbolTable::name);
  return found == std::end(kTables) ? nullptr : &*found;
}

}  // namespace slurper
