using System.CommandLine;
using Strongroom.Cli;
using Strongroom.Cli.Commands;

// one line for each command, in the order in which a newcomer meets them
return await CommandLine.RunAsync(args, [
    KeyCommand.Create(),
    SealCommand.Create(),
    InspectCommand.Create(),
    VerifyCommand.Create(),
    OpenCommand.Create(),
    RecipientCommand.Create(),
    InitCommand.Create(),
    PersonCommand.Create(),
    PolicyCommand.Create(),
    PublisherCommand.Create(),
    RootsCommand.Create(),
    CollectorCommand.Create(),
    ReferenceCommand.Create(),
    ProposalCommand.Create(),
    ModelCommand.Create(),
    MachineCommand.Create(),
    EvidenceCommand.Create(),
    EndorsementsCommand.Create(),
    RequestCommand.Create(),
    AnswerCommand.Approve(),
    AnswerCommand.Refuse(),
    RevokeCommand.Create(),
    LeaseCommand.Create(),
    LedgerCommand.Create(),
    BackupCommand.Backup(),
    BackupCommand.Restore(),
    ProgramCommand.Create("broker", "Holds keys and releases them: approvals, evidence, ledger"),
    ProgramCommand.Create("enclave", "Asks for a model's key, runs the model in protected memory"),
    ProgramCommand.Create("witness", "Cosigns checkpoints of a ledger that only grew"),
    CompletionCommand.Create(),
]);
