using System.Runtime.InteropServices;
using System.Text;
using Strongroom.Bytes;
using Strongroom.Weights.Models;

namespace Strongroom.Tests.Weights;

public sealed class GenerationTests
{
    [Fact]
    public void The_same_seed_gives_the_same_answer_and_another_seed_another()
    {
        using var files = new TinyModel().Fill(1).Files();
        using var model = LlamaModel.Load(files.All, 2);
        string Answer(long seed) => StoriesTests.Generate(model, "abc", new(new(Temperature: 1.5, TopP: 0.9, Seed: seed), 40));
        Assert.Equal(Answer(1), Answer(1));
        Assert.NotEqual(Answer(1), Answer(2));
    }

    [Fact]
    public void Every_piece_sent_is_whole_UTF_8_whatever_bytes_the_model_draws()
    {
        using var files = new TinyModel().Fill(2).Files();
        using var model = LlamaModel.Load(files.All, 1);
        var strict = new UTF8Encoding(false, throwOnInvalidBytes: true);
        for (var seed = 0; seed < 20; seed++)
        {
            using var generation = new Generation(model, WorkingMemory.Ordinary, new(new(Temperature: 5, Seed: seed), 100, ["\n\n", "zz"]));
            generation.AddText("é"u8);
            bool more;
            do
            {
                more = generation.Next(out var text);
                strict.GetString(text);
            }
            while (more);
        }
    }

    [Theory]
    [InlineData("hello world", "lo w", "hel")]
    [InlineData("hello world", "world", "hello ")]
    [InlineData("hello world", "x", "hello world")]
    [InlineData("hello world", "worldly", "hello world")] // what was held back comes at the end
    [InlineData("aaab", "aab", "a")]
    [InlineData("日本語", "本", "日")]
    public void A_stop_string_ends_the_answer_and_is_never_sent_not_even_in_part(string made, string stop, string sent)
    {
        using var answer = new AnswerText(WorkingMemory.Ordinary, [Encoding.UTF8.GetBytes(stop)], 8, skipSpace: false);
        var text = new List<byte>();
        foreach (var b in Encoding.UTF8.GetBytes(made))
        {
            text.AddRange(answer.Add([b]));
            Assert.StartsWith(Encoding.UTF8.GetString([.. text]), sent);
            if (answer.Stopped) break;
        }
        if (!answer.Stopped) text.AddRange(answer.End());
        Assert.Equal(sent, Encoding.UTF8.GetString([.. text]));
    }

    [Fact]
    public void The_earliest_of_several_stop_strings_counts()
    {
        using var answer = new AnswerText(WorkingMemory.Ordinary, ["cd"u8.ToArray(), "bcd"u8.ToArray(), "e"u8.ToArray()], 8, skipSpace: false);
        Assert.Equal("a", Encoding.UTF8.GetString(answer.Add("abcde"u8)));
        Assert.True(answer.Stopped);
    }

    [Fact]
    public void Bytes_that_are_no_character_come_out_as_replacement_characters()
    {
        using var answer = new AnswerText(WorkingMemory.Ordinary, [], 8, skipSpace: false);
        Assert.Equal("", Encoding.UTF8.GetString(answer.Add([0xe6])));
        Assert.Equal("\ufffda", Encoding.UTF8.GetString(answer.Add("a"u8)));
        Assert.Equal("", Encoding.UTF8.GetString(answer.Add([0xf0, 0x9f])));
        Assert.Equal("\ufffd", Encoding.UTF8.GetString(answer.End()));
    }

    [Fact]
    public void An_answer_ends_at_its_limit_or_when_the_context_is_full()
    {
        using var files = new TinyModel().Fill(3).Files(config => config["eos_token_id"] = null);
        using var model = LlamaModel.Load(files.All, 1);
        foreach (var (limit, expected) in ((int?, int)[])[(5, 5), (1, 1), (null, 256 - 3 + 1), (10_000, 256 - 3 + 1)])
        {
            using var generation = new Generation(model, WorkingMemory.Ordinary, new(SamplingOptions.Greedy, limit));
            generation.AddText("abc"u8);
            while (generation.Next(out _))
            {
            }
            Assert.Equal((3, expected, FinishReason.Length), (generation.PromptTokens, generation.CompletionTokens, generation.Finish));
            Assert.False(generation.Next(out _));
        }
    }

    [Fact]
    public void A_prompt_longer_than_the_context_is_refused_before_work_is_done_on_it()
    {
        using var files = new TinyModel().Fill(4).Files();
        using var model = LlamaModel.Load(files.All, 1);
        using var generation = new Generation(model, WorkingMemory.Ordinary, new(SamplingOptions.Greedy));
        Assert.Throws<ContextLengthException>(() => generation.AddText(new byte[257]));
        Assert.Throws<ContextLengthException>(() => generation.AddText(new byte[1 << 28]));
        generation.AddText(new byte[256]);
        Assert.Throws<ContextLengthException>(() => generation.Next(out _));
    }

    [Fact]
    public void A_prompt_that_is_being_encoded_can_be_cancelled_in_the_middle_of_a_word()
    {
        var vocabulary = new Vocabulary();
        foreach (var piece in (string[])["a", "aa", "aaa", "aaaa"]) vocabulary.Add(Encoding.UTF8.GetBytes(piece), TokenKind.Text);
        using var cancelling = new CancellationTokenSource();
        var rule = new CancellingRule(cancelling, joins: 6) { ByteLevel = true };
        using var work = new MergeWork(WorkingMemory.Ordinary, 1000);
        Assert.Throws<OperationCanceledException>(() => rule.Encode(vocabulary, new string('a', 1000).Select(letter => (byte)letter).ToArray(), new int[1000], work, cancelling.Token));
        Assert.InRange(rule.Offers, 999, 999 + 8); // of each pair, and of the neighbours of what joined before it was cancelled
    }

    [Fact]
    public void A_cancelled_prompt_gives_back_all_its_memory_wiped()
    {
        using var files = new TinyModel().Fill(6).Files();
        using var model = LlamaModel.Load(files.All, 1);
        var memory = new CountingMemory();
        using (var generation = new Generation(model, memory, new(SamplingOptions.Greedy)))
            Assert.Throws<OperationCanceledException>(() => generation.AddText("a prompt"u8, new CancellationToken(canceled: true)));
        using (var generation = new Generation(model, memory, new(SamplingOptions.Greedy)))
            Assert.Throws<OperationCanceledException>(() => generation.AddMessage("user", "a prompt"u8, new CancellationToken(canceled: true)));
        Assert.Equal((0, false), (memory.Live, memory.CameBackDirty));
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        using var files = new TinyModel().Fill(5).Files();
        using var model = LlamaModel.Load(files.All, 1);
        GenerationOptions[] wrong =
        [
            new(new(Temperature: -1)), new(new(Temperature: double.NaN)), new(new(TopP: 0)), new(new(TopP: 1.1)), new(new(TopP: double.NaN)),
            new(SamplingOptions.Greedy, 0), new(SamplingOptions.Greedy, -1), new(SamplingOptions.Greedy, null, [""]),
        ];
        foreach (var options in wrong) Assert.ThrowsAny<ArgumentException>(() => new Generation(model, WorkingMemory.Ordinary, options));
    }

    [Fact]
    public void Everything_is_allocated_from_the_memory_handed_in_and_comes_back_wiped()
    {
        using var files = new TinyModel().Fill(6).Files();
        using var model = LlamaModel.Load(files.All, 2);
        var memory = new CountingMemory();
        using (var generation = new Generation(model, memory, new(new(Temperature: 1, TopP: 0.5, Seed: 1), 10, ["x"])))
        {
            generation.AddMessage("system", "be brief"u8);
            generation.AddMessage("user", "a prompt that must not stay behind"u8);
            while (generation.Next(out _))
            {
            }
            Assert.True(memory.Live > 20_000);
        }
        Assert.Equal((0, false), (memory.Live, memory.CameBackDirty));
    }

    [Fact]
    public void A_seed_draws_tokens_as_often_as_their_probability_says()
    {
        using var sampler = new Sampler(new(Temperature: 1, Seed: 5), WorkingMemory.Ordinary, 3);
        float[] logits = [MathF.Log(0.7f), MathF.Log(0.2f), MathF.Log(0.1f)];
        var counts = new int[3];
        for (var i = 0; i < 20_000; i++) counts[sampler.Draw([.. logits])]++;
        Assert.Equal([0.7, 0.2, 0.1], counts.Select(count => Math.Round(count / 20_000.0, 1)));
    }

    [Fact]
    public void Top_p_draws_only_from_the_likeliest_tokens_that_reach_it()
    {
        using var sampler = new Sampler(new(Temperature: 1, TopP: 0.75, Seed: 5), WorkingMemory.Ordinary, 4);
        float[] logits = [MathF.Log(0.1f), MathF.Log(0.5f), MathF.Log(0.3f), MathF.Log(0.1f)];
        var drawn = Enumerable.Range(0, 1000).Select(_ => sampler.Draw([.. logits])).ToHashSet();
        Assert.Equal([1, 2], drawn.Order());
    }

    [Theory]
    [InlineData(1e-9, 1, new float[] { 2, 2, 2, 2 })] // no token is likelier than another, and p is less than one of them
    [InlineData(1, 1e-5, new[] { 1e35f, -1e35f, 0, 3e34f })] // quotients beyond binary32
    [InlineData(0.5, 1e-5, new[] { 3e38f, -3e38f, 0, 0 })]
    public void Draws_a_token_whatever_finite_numbers_the_weights_give(double topP, double temperature, float[] logits)
    {
        using var sampler = new Sampler(new(temperature, topP, Seed: 5), WorkingMemory.Ordinary, 4);
        for (var i = 0; i < 100; i++) Assert.InRange(sampler.Draw([.. logits]), 0, logits[0] == logits[1] ? 3 : 0);
    }

    [Fact]
    public void Temperature_zero_takes_the_likeliest_and_the_first_of_equals()
    {
        using var sampler = new Sampler(SamplingOptions.Greedy, WorkingMemory.Ordinary, 4);
        Assert.Equal(1, sampler.Draw([1, 3, 3, 2]));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Weights_that_are_no_numbers_end_in_an_error_and_not_in_a_token(float poison)
    {
        var tiny = new TinyModel().Fill(7);
        tiny.Tensors["model.norm.weight"].Values[3] = poison;
        using var files = tiny.Files();
        using var model = LlamaModel.Load(files.All, 1);
        foreach (var temperature in (double[])[0, 1e-300, 1])
        {
            using var generation = new Generation(model, WorkingMemory.Ordinary, new(new(temperature)));
            generation.AddText("abc"u8);
            Assert.Throws<MalformedException>(() => generation.Next(out _));
        }
    }

    /// <summary>Joins any two until the joint piece is four long, and cancels after so many joins.</summary>
    private sealed class CancellingRule(CancellationTokenSource source, int joins) : MergeRule
    {
        public int Offers { get; private set; }

        protected override (int Token, float Rank) Join(Vocabulary vocabulary, in MergeWork.Symbol left, in MergeWork.Symbol right, ReadOnlySpan<byte> both)
        {
            if (++Offers == 999 + joins) source.Cancel();
            return (vocabulary.Find(both), 0);
        }
    }

    private sealed unsafe class CountingMemory : WorkingMemory
    {
        private long live;

        public long Live => live;

        public bool CameBackDirty { get; private set; }

        public override nint Allocate(long bytes)
        {
            Interlocked.Add(ref live, bytes);
            return (nint)NativeMemory.AllocZeroed((nuint)bytes);
        }

        public override void Free(nint memory, long bytes)
        {
            Interlocked.Add(ref live, -bytes);
            CameBackDirty |= new ReadOnlySpan<byte>((void*)memory, (int)bytes).ContainsAnyExcept((byte)0);
            NativeMemory.Free((void*)memory);
        }
    }
}
