/* libnvidia-ml without GPUs: the functions that the collector calls, with the structures of nvml.h. What they answer is told by the test; in a process that no
   test can tell anything, it is asked for over the socket "gpu" beside this library, and where there is none, one GPU says its nonce, dies of one that begins with 0xDE, never answers one that begins with 0x5E, on 0xC1 closes the line and stays, on 0xF0
   leaves a process behind that keeps the line, and on 0xA7 attacks whoever started its process and says what succeeded. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct { unsigned int environment, ccFeature, devToolsMode; } SystemState;
typedef struct { unsigned int certChainSize, attestationCertChainSize; unsigned char certChain[0x1000], attestationCertChain[0x1400]; } Certificate;
typedef struct {
    unsigned int isCecAttestationReportPresent, attestationReportSize, cecAttestationReportSize;
    unsigned char nonce[0x20], attestationReport[0x2000], cecAttestationReport[0x1000];
} Report;

typedef unsigned int (*Answer)(unsigned int device, const unsigned char *nonce, unsigned char *into);

static unsigned char reads(const char *format, int process)
{
    char path[64];
    snprintf(path, sizeof path, format, process);
    int file = open(path, O_RDONLY);
    return file >= 0 && (close(file), 1);
}

/* In the order that GpuProcessTests names: 1 for what succeeded. */
static void attack(unsigned char *said)
{
    char byte;
    struct iovec mine = {&byte, 1}, theirs = {(void *)0x10000, 1};
    int parent = getppid();
    memset(said, 0, 32);
    said[0] = reads("/proc/%d/mem", parent);
    said[1] = reads("/proc/%d/environ", parent);
    said[2] = ptrace(PTRACE_SEIZE, parent, 0, 0) == 0 && (ptrace(PTRACE_DETACH, parent, 0, 0), 1);
    said[3] = process_vm_readv(parent, &mine, 1, &theirs, 1, 0) == 1 || errno != EPERM; /* nothing is there, which only who may look is told */
    said[4] = kill(parent, 0) == 0; /* what may not be asked may not be sent */
    said[5] = reads("/etc/shadow", 0);
    said[6] = setresuid(0, 0, 0) == 0;
    said[7] = setgroups(0, 0) == 0;
    said[8] = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
    said[9] = prctl(PR_CAPBSET_READ, 21, 0, 0, 0) == 1; /* CAP_SYS_ADMIN */
    said[10] = getsid(0) == getsid(parent);
}

/* The nonce, or nothing for the chain, is sent; the answer ends with the line. 0 where nobody listens. */
static unsigned int elsewhere(const unsigned char *nonce, unsigned char *into)
{
    Dl_info here;
    struct sockaddr_un address = {AF_UNIX};
    unsigned int length = 0;
    ssize_t more;
    if (!dladdr((void *)elsewhere, &here)) return 0;
    snprintf(address.sun_path, sizeof address.sun_path, "%.*s/gpu", (int)(strrchr(here.dli_fname, '/') - here.dli_fname), here.dli_fname);
    int line = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(line, (struct sockaddr *)&address, sizeof address) == 0 && (!nonce || write(line, nonce, 32) == 32) && shutdown(line, SHUT_WR) == 0)
        while ((more = read(line, into + length, 0x1400 - length)) > 0) length += more;
    close(line);
    return length;
}

static unsigned int echo(unsigned int device, const unsigned char *nonce, unsigned char *into)
{
    unsigned int said = elsewhere(nonce, into);
    if (said) return said;
    if (nonce && nonce[0] == 0xDE) abort();
    if (nonce && nonce[0] == 0x5E) pause();
    if (nonce && nonce[0] == 0xC1) close(1), pause();
    if (nonce && nonce[0] == 0xF0 && fork() == 0) pause();
    if (nonce && nonce[0] == 0xA7) return attack(into), 32;
    memcpy(into, nonce ? (const char *)nonce : "a chain that is none ............", 32);
    return 32;
}

static unsigned int started, devices = 1, feature = 1, devtools;
static int init;
static Answer report = echo, chain = echo;

void simulate(int initialising, unsigned int count, unsigned int cc, unsigned int tools, Answer reports, Answer chains)
{
    init = initialising, devices = count, feature = cc, devtools = tools, report = reports, chain = chains;
}

unsigned int simulated_users(void) { return started; }

int nvmlInit_v2(void) { return init ? init : (started++, 0); }
int nvmlShutdown(void) { return started ? (started--, 0) : 1; }
int nvmlDeviceGetCount_v2(unsigned int *count) { return *count = devices, started ? 0 : 1; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) { return index < devices ? (*device = (void *)(unsigned long)(index + 100), 0) : 2; }

int nvmlSystemGetConfComputeState(SystemState *state)
{
    if (feature == 99) return 3; /* not supported */
    *state = (SystemState){2, feature, devtools};
    return 0;
}

int nvmlDeviceGetConfComputeGpuCertificate(void *device, Certificate *certificate)
{
    memset(certificate->certChain, 'x', sizeof certificate->certChain);
    certificate->certChainSize = sizeof certificate->certChain;
    certificate->attestationCertChainSize = chain((unsigned int)(unsigned long)device - 100, 0, certificate->attestationCertChain);
    return 0;
}

int nvmlDeviceGetConfComputeGpuAttestationReport(void *device, Report *said)
{
    unsigned int size = report((unsigned int)(unsigned long)device - 100, said->nonce, said->attestationReport);
    if (!size) return 999;
    memset(said->cecAttestationReport, 'x', sizeof said->cecAttestationReport);
    said->isCecAttestationReportPresent = 1, said->cecAttestationReportSize = sizeof said->cecAttestationReport, said->attestationReportSize = size;
    return 0;
}
