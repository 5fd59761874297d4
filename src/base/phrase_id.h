// The ids of the phrases in which slurper speaks of failures and findings. Their words are in
// service/phrase_table.cc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "slurper/result.h"

namespace slurper {

// Each has one entry in the table, in this order: a phrase without one does not compile. A comment names the
// arguments.
enum class PhraseId : std::uint16_t {
  None,
  Text,  // text: the words of a plug-in, of a parser, or of a library

  // Reasons and advice of many rooms.
  Errno,               // errno
  NotARegularFile,     // found: what stands there
  OwnedByOther,        // user
  ReplacedAllTheTime,  //
  MoveItAway,          //
  RemoveIt,            //
  RemoveTheLink,       //
  Failure,             // what, reason, errno, advice: of an error
  DidYouMean,          // name
  AcceptSetting,       // place

  // base/
  SetUpEventLoop,  //
  ReadBootId,      // file
  NotAUuid,        //
  OpenLockFile,    // file
  UseLockFile,     // file
  LockTheFile,     // file
  ErrnoOfOther,    // errno, user: that the file belongs to
  StartThread,     // thread
  NoMoreThreads,   //

  // fifo/
  ReadFifo,               // file
  CreateFifo,             // file
  OpenFifo,               // file
  OpenFifoForReading,     // file
  OpenFifoForWriting,     // file
  ReopenKeepAlive,        //
  EnlargePipe,            // file, size
  NotAFifo,               // found: what stands there
  NameTheFifo,            // target: with a space before it, or empty
  NameAnotherPath,        //
  CreateItYourself,       //
  CreateWithMkfifo,       //
  AllowBothEnds,          //
  ProcNotMounted,         //
  TemporaryFifoReplaced,  // file
  InTheWay,               // file, found
  CorrectFifoOwner,       //
  CorrectFifoGroup,       //
  LockFifo,               // file
  MakeLockFolder,         // file
  UseLockFolder,          // file
  ReadByAnotherSlurper,   // process, file
  NoLockFile,             // reason, file
  StrangerHoldsLock,      // process, file
  WatchFifo,              //
  WatchPart,              // file
  NoInotifyInstance,      //

  // ring/
  UseRing,                // file
  CreateRing,             // file
  ReadRing,               // file
  UseRings,               //
  UsedByAnotherSlurper,   //
  KernelTooOld,           //
  SpliceFails,            // errno
  SpliceIsSilent,         //
  NotARing,               //
  NameAnotherRing,        //
  RingOfOtherVersion,     // version, known
  RingOfWrongSize,        //
  RingContradictsItself,  //
  BelongsToOtherLog,      // size
  RingOfOriginal,         // owner, log
  RingOfExistingLog,      // owner
  HeldAtRestart,          // size
  NeverReachedLog,        // size
  UseRingFolder,          // file
  CreateRingFolder,       // file
  ChooseRingFolder,       //
  NoRuntimeDirectory,     //
  NotAFolder,             // found
  ForgeableByOwner,       // user
  ForgeableByAll,         //
  NameOwnRingFolder,      //
  NameWritableFolder,     //
  RingFolderTightened,    // file, before, now: the modes
  RingTightened,          // file, before: the mode

  // log/
  TheLogsIndex,           // file
  TheCursor,              // file
  OpenFile,               // file: a phrase
  CreateLogsFolder,       //
  LetSlurperWriteLog,     //
  LockFile,               // file: a phrase
  SetUpFile,              // file: a phrase
  ReadFile,               // file: a phrase
  WriteFile,              // file: a phrase
  UseFile,                // file: a phrase
  RemoveFile,             // file: a phrase
  SetFile,                // file: a phrase
  IndexInUse,             // process
  CursorInUse,            // process
  CursorOfRunningSink,    // process
  LockIsWeak,             // error, file: phrases
  LockedByStranger,       // process, file
  WrittenByOtherVersion,  //
  SlotForeign,            // slot, file
  SlotChecksum,           // slot, file
  NoSlotWhole,            //
  MoveIndexAway,          //
  SetCursorCommand,       // log, sink
  SetTheCursor,           // command: a phrase
  CursorIsOfOtherLog,     // found, log
  LogReplacedSetCursor,   // command: a phrase
  NameCursor,             // name
  NotASinkName,           //
  CorrectLogGroup,        //
  SetGroupOfLog,          // file
  SetModeOfLog,           // file
  WriteTheLog,            // file
  CreateLog,              // file
  OpenLog,                // file
  ReadLog,                // file
  WriteToLog,             // file
  SyncLog,                // file
  SyncFolderOfLog,        // file
  LookAtLog,              // file
  RotateLog,              // file, rotated
  EndSharedSegment,       // file
  EndTornLine,            // file
  QuarantineInLog,        // file
  ReplaceFreeName,        //
  LogIsNoLink,            // end: of the links, as end_of_links()
  SlurperTriesAgain,      //
  LogNeverStill,          //
  IndexOfOtherLog,        // log
  IndexOfOtherSlurper,    //
  IndexIsNew,             //
  RotationFinished,       //
  BothClaimOffset,        // active, rotated, offset, quarantined
  ContinuesByNames,       // offset
  HeldForeignBytes,       // size
  RenamedMeanwhile,       // file
  IdentityFromRing,       //
  MisfitQuarantined,      // file
  MachineWentDown,        // end, offset
  TornLineEnded,          //
  CutAndContinued,        // offset
  LogWasCut,              // end, offset
  RestIsQuarantined,      // file
  OldCopyContinued,       // end, offset
  FileRemoved,            // offset
  FileMoved,              // offset
  FileEmptied,            // offset
  FileShared,             // size, file, offset
  FileAltered,            // file, offset
  AlteredInRotation,      // file
  ForeignFileThere,       // file
  IndexRecreated,         //
  UseTimes,               // file
  ReadTimes,              // file
  WriteTimes,             // file
  CutTimes,               // file
  HeaderDamaged,          //
  OfOtherLog,             // log
  LastEntriesDamaged,     // count
  TimesBegunAnew,         // error
  TimesFail,              // error
  TimesWork,              //
  RemoveOldSegment,       // file
  SyncLogFolder,          // file
  ListLogFolder,          // file
  LookAtSegment,          // file
  ReadSegmentFile,        // file
  EndsBeforeOffset,       // offset
  NoZstdFrame,            //
  FrameWithoutSize,       //
  FrameCutShort,          //
  BytesBehindFrame,       //
  MayBeWrong,             //
  CompressSegment,        // file
  CreateTemporary,        // file
  CompressedTooShort,     //
  RemoveRawSegment,       // file
  RemoveLeftover,         // file
  TidySegments,           //
  FindLineBegin,          //
  ReadLogFrom,            // file, offset
  NothingWrittenThere,    // end
  CursorOfAnotherLog,     //
  CursorWithoutSink,      //
  GiveNewIdentity,        // file
  NewIdentityCommand,     // log

  // filter/
  FilterAtColumn,                 // column, why
  FilterAtLine,                   // line, column, why
  FilterIsDoubtful,               // finding, advice
  FilterFieldsAre,                // fields
  FilterOperatorsAre,             // field, operators
  FilterValuesAre,                // values
  FilterNumberIs,                 // field
  FilterTimeIs,                   //
  FilterWriteInstead,             // instead
  FilterNotMatches,               //
  FilterNotBeforeField,           //
  FilterGlobInstead,              //
  FilterMatchesInstead,           //
  FilterPrefixInstead,            //
  FilterBytesInstead,             // instead
  FilterSeveralValues,            //
  FilterTooLong,                  // length, limit
  FilterNotUtf8,                  //
  FilterControlCharacter,         //
  FilterWriteByte,                // byte
  FilterNeverOpened,              //
  FilterExpectedConnective,       // found
  FilterExistsStandsAlone,        //
  FilterTooDeep,                  // limit
  FilterNeverClosed,              // opening
  FilterExpectedConnectiveOrEnd,  // found
  FilterEmpty,                    //
  FilterEndsBeforeField,          //
  FilterExpectedField,            // found
  FilterNoSuchField,              // name
  FilterTakesNoBrackets,          // field
  FilterEmptyBrackets,            // field
  FilterExpectedBracket,          //
  FilterEndsBeforeOperator,       //
  FilterNoSuchOperator,           // name
  FilterOperatorDoesNotFit,       // operator, values
  FilterInNeedsParentheses,       //
  FilterTooManyValues,            // limit
  FilterExpectedCommaOrEnd,       // found
  FilterEndsBeforeValue,          //
  FilterExpectedValue,            // found
  FilterQuoteTheWord,             //
  FilterEqualsNeedsQuotes,        //
  FilterTwoDigits,                //
  FilterNoSuchEscape,             //
  FilterWriteBackslash,           //
  FilterWrongValue,               // value, field
  FilterBadPattern,               // reason
  FilterBadPatternAt,             // reason, part
  FilterClassNotAscii,            //
  FilterTooManyPatterns,          // limit
  FilterJoinPatterns,             //
  FilterTypographicQuote,         // quote
  FilterWriteQuotes,              //
  FilterPatternInSlashes,         //
  FilterPatternWithoutSlashes,    // pattern
  FilterNetwork,                  // network, operator
  FilterMatchAddresses,           // field
  FilterNeverBoth,                // field, one, two
  FilterWriteIn,                  // field, one, two
  FilterNoSuchValue,              // field
  FilterNeverTogether,            // field
  FilterJoinWithOr,               //
  FilterOrderIs,                  // order

  // config/
  ParserSays,           // text: what is wrong with a configuration, a URL or a value: the parser's own words
  OverrideLacksEquals,  //
  UseConfiguration,     // file
  ReadConfiguration,    // file
  StartWithoutFile,     //
  SettingMissing,       // setting
  SetItInFile,          // option
  NameItOrFile,         // option
  SamePathTwice,        // file, fifo, log: the places
  NameOtherConfiguration,  //
  ReadConfigFolder,        // file
  MendConfigFolder,        //
  MendConfigFile,          //
  TooManyConfigFiles,      // limit
  SinkNameTaken,           // place, sink
  NameEachSink,            //
  NameUnnamedSinks,        //
  LargerThan,              // size
  LogIsNeverRotated,       //
  KeepSizeTooSmall,        //
  RingDropsLines,          //

  // sink/
  SinkNeedsSetting,         // sink, setting, why
  SinkSettingIs,            // setting, sink, value, why
  SinkSettingDoubt,         // place, setting, sink, reason
  MustBe,                   // allowed
  NoSuchSinkSetting,        // type, setting
  SinkSettingsAre,          // settings
  MakeTheSink,              // sink
  UndeclaredSetting,        // type, setting
  PluginNotOnePath,         //
  NoSuchSinkType,           // type, file
  SinkTypesAre,             // types
  PluginUnusable,           // file, why
  PluginWritableByOthers,   // mode
  PluginLacksEntry,         // function
  PluginOfOtherVersion,     // version, own
  PluginOfOtherType,        // found, type
  RebuildPlugin,            // page
  MakePluginSafe,           //
  IsTheFifo,                // file
  IsTheLog,                 // file
  IsTheTextfile,            // file
  IsSlurpersOwn,            // file
  IsWrittenBySink,          // file, sink
  NameAnotherFile,          //
  SlurperEnds,              //
  ConnectToSocket,          // file
  ConnectTo,                // target, protocol
  FindAddress,              // host
  DnsSilent,                //
  CheckTheTarget,           //
  SandboxWithoutNetwork,    //
  SendTo,                   // target
  TakesNothingFor,          // time
  NotAnsweredFor,           // time
  NotReadyFor,              // time
  NotConfirmedFor,          // time
  NotCommittedFor,          // time
  CheckTheHost,             //
  ServerClosed,             //
  TalkTls,                  // target
  TlsSilent,                //
  TlsFailed,                // reason
  LoadCas,                  // file
  LoadCertificate,          // file
  LoadKey,                  // file
  NeedsPem,                 //
  NoCertificateInPem,       // reason
  NoKeyInPem,               // reason
  KeyOfOtherCertificate,    // certificate, reason
  OwnCertificateExpired,    // date
  KeyIsPublic,              // file, mode
  CertificateExpired,       // subject, date
  CertificateNotYetValid,   // subject, date
  CertificateOfNoSystemCa,  // subject, issuer
  CertificateOfOtherCa,     // subject, issuer, file
  CertificateRefused,       // subject, reason
  CertificateForOtherName,  // names, wanted
  UseThatName,              //
  UseOneOfTheseNames,       //
  CertificateWithoutName,   // wanted
  AddressAsCommonName,      // address
  IssueForName,             // kind, name
  TlsAlert,                 // alert
  TlsAlertNoCertificate,    // alert
  TlsAlertOwnCertificate,   // alert
  DoesNotSpeakTls,          //
  CannotCheckName,          //
  OnlyWithTransport,        // transports
  NeedsServer,              //
  NeedsSocket,              //
  MustBeginWithSlash,       //
  MustBeHostAndPort,        //
  NeedsCertificate,         //
  MessageLimitTooSmall,     //
  ReachAServer,             // servers
  ReasonOfEach,             // reason
  ReturnsToFirst,           // target
  SendsToAnother,           // target, first, reason, time
  RecordCameBack,           //
  CutOff,                   // kept, size
  LongerThanLimit,          // size, limit
  TooLongForDatagram,       // target
  ComesBackBySyslogd,       // line
  MustBeFormat,             // formats, example
  TemplateControl,          // column
  TemplateNeverOpened,      // brace, column
  TemplateNeverClosed,      // brace, column
  TemplateNoSuchEscape,     // name, column, escape
  TemplateNoSuchField,      // name, column, fields
  TemplateFieldMeant,       // name, column, meant
  TemplateIsJson,           // instead
  JsonUnescaped,            // instead
  MustBeProgram,            //
  HandToProgram,            // file
  StartProgram,             // file
  ClosedInput,              //
  ClosedOutput,             //
  EndedWithStatus,          // status
  EndedBySignal,            // signal, name
  EndedUnknown,             //
  WithLastWords,            // how, line
  AnsweredAtStart,          // answer
  AnsweredUnasked,          // answer
  Answered,                 // answer
  ReadsLikeAMark,           //
  ProgramSays,              // file, line
  ProgramSaysAfterMore,     // file, line, lines
  ProcessNamed,             // pid, command
  MoreProcesses,            // processes
  EndsProgram,              // file, time
  KillsProgram,             // file
  EndsProcesses,            // file, processes
  KillsProcesses,           // file, processes
  LeavesProcesses,          // file, processes
  LinesCameBack,            // lines, line
  BreakLoopOfProgram,       //
  UseStandardOutput,        //
  ContinuesWhenRead,        //
  KeepsSegment,             // what, reason, errno, advice
  LetUserWrite,             // user
  ReportsOfFile,            // file, finding
  MoveFileCursorAway,       //
  MayRepeatLinesOfFile,     // file
  FileWasCut,               // file, size
  RotateFile,               // file, size, what, reason, errno, advice
  WriteToFile,              // file
  BreakLoopOfFile,          //
  ReadJournal,              //
  WriteJournal,             //
  ReachJournald,            // file
  WatchJournald,            //
  FindProbe,                //
  NotInJournal,             //
  DroppedByJournald,        // lines, count
  NotKeptByJournald,        //
  ComesBackByJournal,       // line, folder
  OpenDeadLetters,          // file
  WriteDeadLetters,         // file
  RunTheSink,               //
  ContinueAtCursor,         //
  CursorBeyondLog,          // offset, end
  RestoreLogOrSetCursor,    // command
  ContinueAfterAnswer,      //
  AnswerBeyondLog,          // answer, end
  AnswerInLine,             // answer, line
  CheckDestination,         // identity, cursor: commands
  AnswerOfOtherLine,        // answer, there, here
  AnswerOfOtherMachine,     // answer, there, here
  DestinationLostLines,     // before, now
  RestoreDestination,       // command
  DestinationWentBack,      // before, now
  DestinationNotRefilled,   // before, now
  CursorSlotDamaged,        // damage
  MayRepeatLines,           // what, reason, errno, advice
  CursorNotMoved,           // what, reason, errno, advice
  LogNotAllReadable,        // what, reason, errno, advice
  DeliverLines,             //
  RefusesAllLines,          // lines, reason
  LineRefused,              // reason, file
  ContinuesAfterLoss,       // offset
  CannotDeliverAgain,       // from, to, size, reason
  PassedIsGone,             // from, to
  CameTooLate,              // size, reason
  GapMoved,                 //
  GapCut,                   //
  GapDamaged,               //
  GapRemoved,               //
  ConnectedTo,              // target
  ConnectedByTls,           // target, version
  ProgramRuns,              // pid

  // Secrets of sinks.
  SinkSecretIs,     // sink, setting, why
  ReadSecret,       // file
  ReadCredential,   // name
  NoCredentials,    // name
  SecretIsEmpty,    //
  SecretTooLong,    // max
  SecretHasNul,     //
  SecretIsPublic,   // file, mode
  KeyIsEncrypted,   //
  WrongPassphrase,  // place

  // Paths with fields.
  MustEndWithText,  //
  FolderNotAlone,   // folder, file
  CreateFolder,     // file
  OpenFolder,       // file
  ReadFolder,       // file
  TooManyFiles,     // max, file, lines
  LinesInOther,     // file, lines
  MakeWayForFile,   //
  PathHasNoFields,  //
  WritesToOther,    // file, other, what, reason, errno, advice
  LastLineIsOther,  // offset, log, cursor

  // control/
  ChooseControlSocket,  //
  MakeControlSocket,    // file
  NotASocket,           // found
  ListenedTo,           //
  SetControlPath,       //
  AskSlurper,           // file
  NotListenedTo,        //
  NoAnswerYet,          // process, seconds
  StoppedProcess,       // process
  NoAnswer,             //
  NotAnAnswer,          //
  FindSlurper,          // file
  NoneAnswersFor,       //
  FindAnySlurper,       //
  NoControlSocket,      // folders
  SlurpersUnseen,       // processes
  NotAnInstance,        // found
  SeveralSlurpers,      // slurpers
  FindEvents,           // file: that was named
  FindAnyEvents,        //
  NoEventsThere,        // folders
  EventsOfFifo,         //

  // What is asked at the control socket.
  RotateTheLog,        // file
  RotatedInto,         // file, offset
  NothingToRotate,     // file
  RotatesLater,        //
  LogThreadNoAnswer,   // seconds
  PauseSink,           // sink
  ResumeSink,          // sink
  RewindSink,          // sink
  SinkIsEnding,        //
  SinkHasEnded,        //
  SinkRequestPending,  //
  SinkNoAnswer,        // seconds
  SinkActsLater,       // seconds
  RewindTimeGone,      // offset, time
  RewindTimeToCome,    //
  RewindTimesUnknown,  //
  SinkPaused,          // sink, offset, behind
  GivenBack,           // lines
  SinkPausedBefore,    // sink
  SinkResumed,         // sink, offset, behind
  SinkTriesAgain,      // sink
  SinkNotPaused,       // sink
  SinkRewound,         // sink, offset, behind
  SinkSkips,           // size
  LevelSet,            // level, before

  // metrics/
  ListenAt,       // address
  WriteTextfile,  // file

  // service/
  OtherFifoPassed,  // name, found

  // The command line, `cursor`, `identity` and `replay`.
  UnderstandCommandLine,  //
  UnknownArgument,        // argument
  NoCommandNamed,         //
  SeeHelp,                // command
  FindCursor,             // sink
  SetCursor,              // place
  NotACursorName,         //
  NotACursorPlace,        //
  CursorPlaceOutside,     // from, to
  CursorPlaceInLine,      // offset
  LogHasNoCursors,        //
  CursorsAre,             // sinks
  RingHoldsLines,         // ring, size
  ReplayDeadLetters,      // sink
  NoSinkOfThisName,       //
  SinksAre,               // sinks
  ReadDeadLetters,        // file
  MakeReplayFolder,       // file
  ReplayInterrupted,      //
  AnotherReplayRuns,      // process
  ReplayTriesAgain,       // what, reason, errno, advice, time
  RepeatReplay,           //

  // What `check` finds.
  CheckedAsUnit,           // unit, user
  CheckedAsUser,           // user
  CheckEndedEarly,         // process
  UnitRunsAsOther,         // unit, user
  NotCheckedAsUnit,        // unit, reason
  TheFifo,                 // file
  TheLog,                  // file
  TheLogsFile,             // file
  TheRing,                 // file
  TheRingIn,               // file
  TheConfiguration,        // file
  TheConfigFolder,         // file
  TheFileSystemOf,         // subject
  TheSink,                 // sink
  TheTextfile,             // file
  TheControlSocket,        // file
  ControlSocketFree,       // file
  ControlSocketAnswers,    // file
  ControlSocketTaken,      // file
  ControlNameTooLong,      // file
  RunsWithoutControl,      // finding
  FolderMissing,           // subject, folder, errno
  FolderIsNone,            // subject, folder, found
  FolderDenied,            // subject, errno, folder, mode, owner, user
  FileDenied,              // subject, user, errno, mode, owner
  NotToBeSeen,             // subject, errno
  FileIsOther,             // subject, found, advice
  FifoToBeCreated,         // fifo, mode
  FifoMissing,             // fifo
  FifoIsOther,             // fifo, found
  NameTheFifoItself,       // end
  FifoDenied,              // fifo, user, errno, mode, owner
  FifoThere,               // fifo, mode, owner
  FifoModeZero,            // fifo, mode
  FifoWritable,            // fifo
  FifoReadable,            // fifo
  NothingWrites,           // fifo, folder
  NothingVisibleWrites,    // fifo, folder
  LetItBeRead,             //
  OtherUsersConfigure,     // subject, mode, owner
  ConfigFileIgnored,       // file
  ConfigurationRead,       // file, effects
  SetsSettings,            // settings
  AddsSink,                // sinks
  AddsSinks,               // sinks
  SetsNothing,             //
  SettingOverridden,       // by, setting, place
  LogFollowsNoLink,        // end
  SetLogPath,              //
  LogToBeCreated,          // log, size
  LogThere,                // log, size
  LogDiskFull,             // log
  LogDiskHasNoInodes,      // log
  LogInRam,                // log
  KeepSizeTooLarge,        // size, log
  DefaultRingFolder,       // what, reason
  MoveTheRingAway,         //
  RingUsedByOther,         // ring, process
  RingHoldsOthers,         // ring, size
  RingHasNoRoom,           // folder
  RingHasLittleRoom,       // folder, size, room
  RingHasRoom,             // folder, size
  RingOnDisk,              // folder
  FifoNotWatched,          // what, reason
  PipesAtLimit,            // user, size, wanted
  PipeWithoutLimit,        // size
  PipeFits,                // size
  PipeBeyondMax,           // size, max, wanted
  PipeBeyondPages,         // pages, max, enough
  SinkPathIsRelative,      // sink, file
  SinkFolderMissing,       // sink, folder, errno, user
  SinkFolderIsNone,        // sink, folder
  SinkWriteDenied,         // sink, user, file, errno, mode, owner
  MountReadWrite,          //
  SinkFileIsOther,         // sink, file, found
  NameTheFileItself,       // end
  SinkDiskFull,            // sink, folder
  SinkMayWrite,            // sink, file
  SinkProgramMissing,      // sink, file, errno
  SinkProgramIsOther,      // sink, file
  SinkProgramDenied,       // sink, user, file, errno, mode, owner
  SinkMayRun,              // sink, file
  SinkKeyDenied,           // sink, setting, file, user, errno
  SinkFileUnusable,        // sink, setting, what, reason, errno, advice
  SinkFileUnsafe,          // sink, setting, reason
  SinkSecretNotChecked,    // sink, setting
  SinkHasWhatItNeeds,      // sink
  SinkSocketMissing,       // sink, file, errno
  SinkSocketIsOther,       // sink, file
  SinkSocketDenied,        // sink, user, file, errno, mode, owner
  SinkSocketIsDead,        // sink, file
  SinkTargetWithoutPort,   // sink, target, address, host, port
  SinkTargetIsNoAddress,   // sink, target, host, port
  SinkCannotStart,         // sink, what, reason
  UnitCannotWrite,         // unit, folder, subject
  UnitHasNoNetwork,        // unit, sink
  UnitCannotListen,        // unit, address
  NoSuchUser,              // user
  NoDynamicUser,           // user
  NoSuchGroup,             // group
  NotBecome,               // errno
  RsyslogKeepsLines,       // place
  RsyslogLosesLines,       // place, settings
  WriteBeforeIt,           // settings
  RsyslogWritesNoNewline,  // place, template
  SyslogdSettingsUnread,   // file, errno
  InputReadsASink,         // place, file, sink
  SyslogNgReadsTheFifo,    // place
  SyslogNgKeepsLines,      // place
  SyslogNgPauses,          // place, settings
  OldSyslogdWrites,        // place
  NoSyslogdNamesTheFifo,   // fifo
  SinkFeedsASyslogd,       // sink

  // What `verify` and `recover` find.
  VerifyLog,            // file
  NameTheLogItself,     //
  RotatedAllTheTime,    //
  NoLogToVerify,        //
  IndexMissing,         // file
  IndexUnusable,        // file, reason
  SlotOfFileDamaged,    // damage
  IndexEmpty,           //
  TornLinesClosed,      // lines
  ForeignBytes,         // size, file, offset
  CompressionFinishes,  // file
  SegmentIsDouble,      // file
  SegmentGone,          // file
  SegmentDamaged,       // file, offset, reason
  RestoreCompressed,    //
  SegmentSizeChanged,   //
  RotationUnderWay,     //
  RotationCutShort,     //
  ActiveMissing,        // file, offset
  ActiveReplaced,       // file, inode, known
  ActiveUnreadable,     // file, reason
  ActiveCutShort,       //
  BeginsLater,          // size
  SegmentsOverlap,      // from, end, file, mend
  RestoreWhole,         // file, size
  CutItBack,            // file, size
  OffsetsMissing,       // from, to, size, file
  OffsetsRemoved,       // from, to
  OffsetsMoved,         // from, to
  OffsetsLost,          // from, to
  ArrivalTimesUnknown,  // error
  ArrivalTimesDamaged,  // file, reason
  SegmentQuarantined,   // file
  CompressionUnderWay,  // file
  CompressionCutShort,  // file
  CursorUnusable,       // sink, file, reason
  CursorEmpty,          // sink
  CursorOfOtherLog,     // sink, file, log
  CursorBeyondCut,      // sink, size
  CursorBeyondEnd,      // sink, file, offset
  CursorBeforeLog,      // sink, from, size, offset
  RingOfOtherLog,       // ring
  RingOfEarlierBoot,    // ring, size
  RingLeftBehind,       // ring, size
  RingDroppedLines,     // lines, size
  LogJustCut,           // size
  LogBeyondRing,        // ring, size
  LogIsOldCopy,         // from, to
  LogCutShort,          // from, to
  LogHasForeignEnd,     // size
  RingHoldsBytes,       // ring, size
  ReadCutShortInRing,   // ring, size
  ReadCutShort,         // ring, size
  LookAtRing,           // folder
  NoRingThere,          //
  RingInQuarantine,     // ring, command
  CursorOrphaned,       // file, why, command
  LogHasItAll,          //
  LogContinuedWithout,  // size
  WriteStandardOutput,  //
  RemoveRing,           // ring

  // what slurper itself did last
  KeepEvents,    // file
  ReadEvents,    // file
  NoEventsFile,  //

  // slurper tail
  WatchLog,         // file
  NoIndexOfLog,     //
  RunAsGroup,       // file
  LogHasGap,        // from, to, size, reason
  GapPowerLoss,     //
  ClockSetBack,     // offset, before, after
  ArrivalsUnknown,  // from, to
  OtherLogThere,    // file

  // the recorder of slurper trace
  StartRecorder,  // file

  // slurper trace
  ReadCapture,           // file
  CaptureIsEmpty,        //
  NotACapture,           //
  CaptureDamaged,        // file, offset, size
  CaptureCutShort,       // file, offset
  CaptureNotUnpacked,    // file, offset
  CaptureBadEntry,       // file, offset
  AcceptTraceFilter,     // filter
  AcceptTraceFormat,     // format
  NoSuchFormatField,     // name
  FilterNotHexadecimal,  // value
  IncidentCaught,        // file, before, after, size
  IncidentWindowCut,     // wanted, memory
  NoIncident,            //
  RotationEnded,         // file

  // slurper inspect
  InspectFile,         // file
  InspectDescriptor,   // fd, process: numbers
  NoSuchProcess,       //
  NoSuchDescriptor,    //
  NotAPipe,            // found
  PipeFullUnread,      // fill, reader, doing
  PipeFullSlowly,      // fill, reader
  PipeHasNoReader,     // fill
  NoReaderSeen,        // fill
  PipeReadBeside,      // second, first
  ReaderStopped,       // reader, pid
  WriterGetsEagain,    // writer
  WriterNearEagain,    // writer, percent
  WriterBlocked,       // writer, call, fd, readers
  FifoWasReplaced,     // process, file, access
  PipeHasNoWriter,     // advice: of a syslogd
  NoWriterSeen,        //
  DescriptorLeaked,    // process, fd, access, from
  LeftRunning,         // process, fd
  ReaderWritesItself,  // reader, fd
  WaitsInOpen,         // process, access
  PipeShrunk,          // size, slots, pages
  PipeIsSmall,         // size
  ProcessesUnseen,     // processes, pids
  ProcessesHidden,     //
  FillUnknown,         // errno
  EndsUnfound,         // access, files
  PipeWorks,           //
  ReplaceReader,       // reader, file
  EndSecondReader,     // second, pid
  StartReader,         // file
  RestartSyslogd,      //
  NameItToSyslogd,     // file, folder
  InspectAsRoot,       //
  InspectWithTracing,  //

  End,  // their number
};
static_assert(PhraseId::Text == PhraseId{1}, "as own_words() has it");
inline constexpr std::size_t kPhraseIds = static_cast<std::size_t>(PhraseId::End);

}  // namespace slurper
