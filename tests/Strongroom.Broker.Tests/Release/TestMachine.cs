using System.Security.Cryptography;
using Strongroom.Attestation;
using Strongroom.Bytes;
using Strongroom.Crypto;
using Strongroom.Facts;

namespace Strongroom.Broker.Tests.Release;

/// <summary>A machine that gives development evidence, and can be told to lie.</summary>
internal sealed class TestMachine
{
    public Ed25519PrivateKey Key { get; } = Ed25519PrivateKey.FromSeed(RandomNumberGenerator.GetBytes(32));

    public Dictionary<string, string> Claims { get; } = new() { ["image"] = "enclave-1" };

    public string Id => EnrolledMachine.IdOf(Key.PublicKey.Span);

    public Digest Measurement => Attestation.Measurement.Of(DevelopmentEvidence.KindName, Claims);

    public byte[] Evidence(Transcript transcript) => Evidence(transcript.Digest(), EnclaveStart.Of(transcript.HpkeKey, transcript.Configuration));

    public byte[] Evidence(RenewalTranscript transcript) => Evidence(transcript.Digest(), EnclaveStart.Of(transcript.HpkeKey, transcript.Configuration));

    public byte[] Evidence(Digest transcript, EnclaveStart start) => DevelopmentEvidence.Sign(Key, transcript, Claims, [start]);
}
