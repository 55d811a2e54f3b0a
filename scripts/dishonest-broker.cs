#:sdk Microsoft.NET.Sdk.Web
#:property PublishAot=false
// The demo's broker whose operator has turned: it has the broker's own TLS key and the real broker behind it, and hands out keys
// without the proof that the release stands in the ledger (no-proof), or with a checkpoint that no witness has seen (no-witness).
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

var (listen, broker, directory, lie) = (args[0], args[1], args[2], args[3]);
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPEndPoint.Parse(listen), endpoint =>
    endpoint.UseHttps(X509Certificate2.CreateFromPemFile(Path.Combine(directory, "tls.pem"), Path.Combine(directory, "tls.key")))));
builder.WebHost.UseKestrelHttpsConfiguration();

using var behind = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true }) { BaseAddress = new(broker) };
var app = builder.Build();
app.Run(async http =>
{
    using var asked = new HttpRequestMessage(new(http.Request.Method), http.Request.Path + http.Request.QueryString);
    if (http.Request.Method == "POST")
    {
        asked.Content = new StreamContent(http.Request.Body);
        asked.Content.Headers.TryAddWithoutValidation("Content-Type", http.Request.ContentType);
    }
    using var answer = await behind.SendAsync(asked, HttpCompletionOption.ResponseHeadersRead);
    http.Response.StatusCode = (int)answer.StatusCode;
    http.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
    var body = await answer.Content.ReadAsStringAsync();
    await http.Response.WriteAsync(http.Request.Path == "/v1/releases" && answer.IsSuccessStatusCode ? Twist(body) : body);
});
Console.WriteLine("the dishonest broker listens");
app.Run();

string Twist(string grant)
{
    var members = JsonNode.Parse(grant)!.AsObject();
    if (members["proof"]?.GetValue<string>() is not { } proof) return grant;
    // The last line of a tlog-proof is the witness's cosignature of the checkpoint.
    members["proof"] = lie == "no-proof" ? "" : string.Join('\n', proof.TrimEnd('\n').Split('\n')[..^1]) + "\n";
    return members.ToJsonString();
}
