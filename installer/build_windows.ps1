# Builds the setup on Windows: environment, frozen program, self-test, setup file, signature.
#
#   powershell -ExecutionPolicy Bypass -File installer\build_windows.ps1 [-Full] [-SkipFreeze]
#
# Needs Python 3.11 from python.org and NSIS 3 (winget install NSIS.NSIS). NOT YET RUN ON WINDOWS: see docs/packaging.md.
# To sign, set WAN_DESKTOP_SIGNTOOL (path of signtool.exe) and WAN_DESKTOP_CERTIFICATE_THUMBPRINT (of a certificate in the
# user's store, which is also where a hardware token shows its own).

param([switch]$Full, [switch]$SkipFreeze)

$ErrorActionPreference = "Stop"
Set-StrictMode -Version Latest
Set-Location (Join-Path $PSScriptRoot "..")

function Invoke-Tool {
    # A program that fails does not stop PowerShell by itself.
    param([string]$Program, [string[]]$Arguments)
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { throw "$Program $Arguments ended with exit code $LASTEXITCODE" }
}

function Invoke-Window {
    # A program without a console is not waited for otherwise.
    param([string]$Program, [string[]]$Arguments)
    $process = Start-Process -FilePath $Program -ArgumentList $Arguments -Wait -PassThru
    if ($process.ExitCode -ne 0) { throw "$Program $Arguments ended with exit code $($process.ExitCode)" }
}

function Add-Signature {
    param([string[]]$Files)
    if (-not $env:WAN_DESKTOP_SIGNTOOL) { Write-Host "Not signed: WAN_DESKTOP_SIGNTOOL is not set."; return }
    foreach ($file in $Files) {
        Invoke-Tool $env:WAN_DESKTOP_SIGNTOOL @(
            "sign", "/sha1", $env:WAN_DESKTOP_CERTIFICATE_THUMBPRINT, "/fd", "sha256",
            "/tr", "http://timestamp.digicert.com", "/td", "sha256", "/d", "Wan Desktop", $file)
    }
}

$kind = if ($Full) { "full" } else { "window" }
$name = if ($Full) { "WanDesktopFull" } else { "WanDesktop" }
$payload = Join-Path "build\freeze" $name

if (-not $SkipFreeze) {
    # Makes .env\runtime with everything of requirements.lock, freezes, runs the self-test, and writes the figures.
    Invoke-Tool "py" @("-3.11", "dev.py", "freeze", $kind)
}
$python = ".env\runtime\Scripts\python.exe"
$programs = @("WanDesktop.exe", "wan-desktop.exe") | ForEach-Object { Join-Path $payload $_ }
Add-Signature $programs

# Once more after signing, and with the program for the desktop, which has no console to print to.
$report = Join-Path (Resolve-Path "build") "self-test.txt"
Invoke-Window (Resolve-Path $programs[0]).Path @("--self-test", "`"$report`"")
Get-Content $report

if (-not $Full) {
    # The program makes its engine with an interpreter and uv; they lie beside it.
    $tools = "build\tools"
    if (-not (Test-Path "$tools\Scripts\uv.exe")) {
        Invoke-Tool "py" @("-3.11", "-m", "venv", $tools)
        $uv = (& $python -c "import dev; print(*dev.group('lock'))").Trim()
        Invoke-Tool "$tools\Scripts\python.exe" @("-m", "pip", "install", "--quiet", $uv)
    }
    Invoke-Tool $python @("-m", "installer.build", "tools", $payload, "--uv", "$tools\Scripts\uv.exe")
}
Invoke-Tool $python @("-m", "installer.build", "check", $payload)
if ($Full) {
    Write-Host "The full program is larger than NSIS can pack; build\freeze\WanDesktopFull is to be zipped instead."
    exit 0
}
$version = (& $python -c "from installer import common; print(common.VERSION)").Trim()
$setup = "build\WanDesktop-$version-setup.exe"
Invoke-Tool $python @("-m", "installer.build", "setup", "--payload", $payload, "--out", $setup)
Add-Signature @($setup)
Get-FileHash $setup -Algorithm SHA256 | Format-List
