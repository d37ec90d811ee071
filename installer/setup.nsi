; The setup of Wan Desktop: for one user, without an administrator. Built by `python -m installer.build setup`, which
; writes names.nsh (every name that is shared) and gives PAYLOAD, VERSION and OUTFILE.
;
;   /S            says nothing and asks nothing
;   /D=PATH       where to install; last, and without quotes
;   /RELAUNCH     starts the program when it is done
;   /DOWNGRADE    an older version may take the place of a newer one
;   uninstall.exe /S /PURGE     removes engine, models, settings and queue too; never videos
;   uninstall.exe /S /VIDEOS    removes the videos in the usual folder
;
; Exit codes: 0 done, 1 cancelled, 2 a file could not be written (what was there is put back), 3 the folder holds
; something else, 4 a newer version is installed, 5 the program does not close, 6 another setup runs, 7 Windows is too old.

Target amd64-unicode
Unicode true
!include "names.nsh"

!ifndef COMPRESSOR
  !define COMPRESSOR "/SOLID lzma"
!endif
SetCompressor ${COMPRESSOR}
SetDatablockOptimize on
AllowSkipFiles off
CRCCheck on
RequestExecutionLevel user
ManifestDPIAware true
ManifestSupportedOS all
ManifestLongPathAware true
ShowInstDetails nevershow
ShowUninstDetails nevershow

Name "${APP_NAME}"
OutFile "${OUTFILE}"
InstallDir "$LOCALAPPDATA\Programs\${WINDOW}"
InstallDirRegKey HKCU "${OWN_KEY}" "Folder"
BrandingText "${APP_NAME} ${VERSION}"

VIProductVersion "${VERSION}.0"
VIFileVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "${APP_NAME}"
VIAddVersionKey "CompanyName" "${PUBLISHER}"
VIAddVersionKey "FileDescription" "${APP_NAME} Setup"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "Apache License 2.0"

!ifdef SIGN
  !finalize '${SIGN} "%1"' = 0
  !uninstfinalize '${SIGN} "%1"' = 0
!endif

!include "MUI2.nsh"
!include "LogicLib.nsh"
!include "FileFunc.nsh"
!include "WordFunc.nsh"
!include "WinVer.nsh"
!include "WinMessages.nsh"

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_ABORTWARNING
!define MUI_FINISHPAGE_RUN "$INSTDIR\${WINDOW}.exe"
!insertmacro MUI_PAGE_LICENSE "${LICENSE}"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_COMPONENTS
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "German"
!include "texts.nsh"
!include "shortcut.nsh"

!define CLOSE_TRIES 120
!define CLOSE_PAUSE_MS 250
!define SYNCHRONIZE 0x00100000
!define ERROR_ALREADY_EXISTS 183
!define SHCNE_ASSOCCHANGED 0x08000000
!define FILE_ATTRIBUTE_NORMAL 0x80
!define FILE_ATTRIBUTE_DIRECTORY 0x10
!define FILE_ATTRIBUTE_REPARSE_POINT 0x400

Var Relaunch
Var Downgrade

; Both --------------------------------------------------------------------------------------------------------------

; Ends with an exit code. In a section that leads to .onInstFailed.
!macro EndWith code text
  SetErrorLevel ${code}
  MessageBox MB_OK|MB_ICONSTOP "${text}" /SD IDOK
  Abort
!macroend

!macro OneSetupAtATime
  System::Call 'kernel32::CreateMutexW(p 0, i 0, w "${SETUP_MUTEX}") p.r0 ?e'
  Pop $1
  ${If} $1 = ${ERROR_ALREADY_EXISTS}
    SetErrorLevel 6
    MessageBox MB_OK|MB_ICONSTOP "$(TextOtherSetup)" /SD IDOK
    Quit
  ${EndIf}
!macroend

; Asks the program's windows to close, and waits until no process of it is left: its files could not be replaced.
!macro CloseRunning un
Function ${un}CloseRunning
  StrCpy $R1 0
  StrCpy $R2 ""
again:
  System::Call 'kernel32::OpenMutexW(i ${SYNCHRONIZE}, i 0, w "${MUTEX}") p.r0'
  ${If} $0 P= 0
    Return
  ${EndIf}
  System::Call 'kernel32::CloseHandle(p r0)'
  ${If} $R2 == ""
    StrCpy $R2 "asked"
    MessageBox MB_OKCANCEL|MB_ICONINFORMATION "$(TextCloses)" /SD IDOK IDOK +3
    SetErrorLevel 1
    Abort
  ${EndIf}
  FindWindow $0 "" "${APP_NAME}"
  ${If} $0 P<> 0
    System::Call 'user32::PostMessageW(p r0, i ${WM_CLOSE}, p 0, p 0)'
  ${EndIf}
  Sleep ${CLOSE_PAUSE_MS}
  IntOp $R1 $R1 + 1
  ${If} $R1 < ${CLOSE_TRIES}
    Goto again
  ${EndIf}
  StrCpy $R1 0
  MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(TextDoesNotClose)" /SD IDCANCEL IDRETRY again
  SetErrorLevel 5
  Abort
FunctionEnd
!macroend
!insertmacro CloseRunning ""
!insertmacro CloseRunning "un."

; Install -----------------------------------------------------------------------------------------------------------

Function .onInit
  SetRegView 64
  ${IfNot} ${AtLeastWin10}
    SetErrorLevel 7
    MessageBox MB_OK|MB_ICONSTOP "$(TextWindows10)" /SD IDOK
    Quit
  ${EndIf}
  !insertmacro OneSetupAtATime
  StrCpy $Relaunch ""
  StrCpy $Downgrade ""
  ${GetParameters} $R0
  ClearErrors
  ${GetOptions} $R0 "/RELAUNCH" $R1
  ${IfNot} ${Errors}
    StrCpy $Relaunch "yes"
  ${EndIf}
  ClearErrors
  ${GetOptions} $R0 "/DOWNGRADE" $R1
  ${IfNot} ${Errors}
    StrCpy $Downgrade "yes"
  ${EndIf}
FunctionEnd

; A folder that somebody chose and that holds something else stays untouched.
Function CheckFolder
  ${DirState} "$INSTDIR" $0
  ${If} $0 = 1
  ${AndIfNot} ${FileExists} "$INSTDIR\${WINDOW}.exe"
  ${AndIfNot} ${FileExists} "$INSTDIR\${WINDOW}.exe.old"
    !insertmacro EndWith 3 "$(TextOtherFolder)"
  ${EndIf}
FunctionEnd

Function CheckVersion
  ReadRegStr $0 HKCU "${OWN_KEY}" "Version"
  ${If} $0 == ""
  ${OrIf} $Downgrade != ""
    Return
  ${EndIf}
  ${VersionCompare} $0 "${VERSION}" $1
  ${If} $1 = 1
    MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "$(TextNewer)" /SD IDNO IDYES +3
    SetErrorLevel 4
    Abort
  ${EndIf}
FunctionEnd

; What was installed before is moved aside, not overwritten: nothing stale stays, and it can be put back.
!macro MoveAside name
  RMDir /r "$INSTDIR\${name}.old"
  Delete "$INSTDIR\${name}.old"
  ${If} ${FileExists} "$INSTDIR\${name}"
    StrCpy $R1 0
    ${Do}
      ClearErrors
      Rename "$INSTDIR\${name}" "$INSTDIR\${name}.old"
      ${IfNot} ${Errors}
        ${Break}
      ${EndIf}
      Sleep ${CLOSE_PAUSE_MS}
      IntOp $R1 $R1 + 1
    ${LoopUntil} $R1 > 20
    ${If} ${FileExists} "$INSTDIR\${name}"
      !insertmacro EndWith 2 "$(TextInUse)"
    ${EndIf}
  ${EndIf}
!macroend

!macro PutBack name
  ${If} ${FileExists} "$INSTDIR\${name}.old"
    RMDir /r "$INSTDIR\${name}"
    Delete "$INSTDIR\${name}"
    Rename "$INSTDIR\${name}.old" "$INSTDIR\${name}"
  ${EndIf}
!macroend

!macro DropOld name
  RMDir /r "$INSTDIR\${name}.old"
  Delete "$INSTDIR\${name}.old"
!macroend

!macro DropNew name
  RMDir /r "$INSTDIR\${name}"
  Delete "$INSTDIR\${name}"
!macroend

Function .onInstFailed
  SetOutPath "$TEMP"
  ${If} ${FileExists} "$INSTDIR\${WINDOW}.exe.old"
    !insertmacro ForEachOwn PutBack
  ${ElseIf} ${FileExists} "$INSTDIR\${UNPACKING}"
    !insertmacro ForEachOwn DropNew
  ${EndIf}
  Delete "$INSTDIR\${UNPACKING}"
  RMDir "$INSTDIR"
FunctionEnd

Function MakeShortcut
  !insertmacro MakeShortcut "$SMPROGRAMS\${APP_NAME}.lnk" "$INSTDIR\${WINDOW}.exe" "${APP_NAME}" "${APPLICATION_ID}"
FunctionEnd

Function Register
  WriteRegStr HKCU "${OWN_KEY}" "Folder" "$INSTDIR"
  WriteRegStr HKCU "${OWN_KEY}" "Version" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayName" "${APP_NAME}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\${WINDOW}.exe"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "Publisher" "${PUBLISHER}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "EstimatedSize" $0

  WriteRegStr HKCU "${PATHS_KEY}\${WINDOW}.exe" "" "$INSTDIR\${WINDOW}.exe"
  WriteRegStr HKCU "${PATHS_KEY}\${CONSOLE}.exe" "" "$INSTDIR\${CONSOLE}.exe"
  WriteRegStr HKCU "Software\Classes\AppUserModelId\${APPLICATION_ID}" "DisplayName" "${APP_NAME}"
  WriteRegStr HKCU "Software\Classes\${PROGRAM_ID}" "" "$(TextRecipe)"
  WriteRegStr HKCU "Software\Classes\${PROGRAM_ID}\DefaultIcon" "" "$INSTDIR\${WINDOW}.exe,0"
  WriteRegStr HKCU "Software\Classes\${PROGRAM_ID}\shell\open\command" "" '"$INSTDIR\${WINDOW}.exe" "%1"'
  WriteRegStr HKCU "Software\Classes\${ENDING}" "" "${PROGRAM_ID}"
  WriteRegStr HKCU "Software\Classes\${ENDING}\OpenWithProgids" "${PROGRAM_ID}" ""
  System::Call 'shell32::SHChangeNotify(i ${SHCNE_ASSOCCHANGED}, i 0, p 0, p 0)'
FunctionEnd

Section "-program"
  SetRegView 64
  Call CheckFolder
  Call CheckVersion
  Call CloseRunning
  ; Folders first: one that is in use is found before anything else has moved. The program itself is last.
  !insertmacro ForEachOwn MoveAside
  SetOutPath "$INSTDIR"
  FileOpen $0 "$INSTDIR\${UNPACKING}" w
  FileClose $0
  File /r "${PAYLOAD}/*"
  ClearErrors
  WriteUninstaller "$INSTDIR\uninstall.exe"
  ${If} ${Errors}
    !insertmacro EndWith 2 "$(TextInUse)"
  ${EndIf}
  Call Register
  Call MakeShortcut
  !insertmacro ForEachOwn DropOld
  Delete "$INSTDIR\${UNPACKING}"
SectionEnd

Function .onInstSuccess
  ${If} $Relaunch != ""
    Exec '"$INSTDIR\${WINDOW}.exe"'
  ${EndIf}
FunctionEnd

; Uninstall ---------------------------------------------------------------------------------------------------------

Var Data

Section "un.$(TextProgram)"
  SectionIn RO
  SetRegView 64
  ${IfNot} ${FileExists} "$INSTDIR\${WINDOW}.exe"
    !insertmacro EndWith 3 "$(TextNotHere)"
  ${EndIf}
  Call un.CloseRunning
  SetOutPath "$TEMP"
  Delete "$SMPROGRAMS\${APP_NAME}.lnk"
  !insertmacro ForEachOwn DropNew
  !insertmacro ForEachOwn DropOld
  Delete "$INSTDIR\${UNPACKING}"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  DeleteRegKey HKCU "${UNINSTALL_KEY}"
  DeleteRegKey HKCU "${OWN_KEY}"
  DeleteRegKey HKCU "${PATHS_KEY}\${WINDOW}.exe"
  DeleteRegKey HKCU "${PATHS_KEY}\${CONSOLE}.exe"
  DeleteRegKey HKCU "Software\Classes\AppUserModelId\${APPLICATION_ID}"
  DeleteRegKey HKCU "Software\Classes\${PROGRAM_ID}"
  DeleteRegValue HKCU "Software\Classes\${ENDING}\OpenWithProgids" "${PROGRAM_ID}"
  DeleteRegKey /ifempty HKCU "Software\Classes\${ENDING}\OpenWithProgids"
  ReadRegStr $0 HKCU "Software\Classes\${ENDING}" ""
  ${If} $0 == "${PROGRAM_ID}"
    DeleteRegValue HKCU "Software\Classes\${ENDING}" ""
  ${EndIf}
  DeleteRegKey /ifempty HKCU "Software\Classes\${ENDING}"
  System::Call 'shell32::SHChangeNotify(i ${SHCNE_ASSOCCHANGED}, i 0, p 0, p 0)'
SectionEnd

Section /o "un.$(TextEngine)" SectionEngine
  StrCpy $R5 "engine"
  Call un.RemoveData
SectionEnd

Section /o "un.$(TextModels)" SectionModels
  StrCpy $R5 "models"
  Call un.RemoveData
SectionEnd

Section /o "un.$(TextSettings)" SectionSettings
  StrCpy $R5 "settings"
  Call un.RemoveData
SectionEnd

Section /o "un.$(TextVideos)" SectionVideos
  StrCpy $R6 "$VIDEOS\${APP_NAME}"
  Call un.RemovePath
SectionEnd

!macro KindOf name kind
  ${If} $R8 == "${name}"
    StrCpy $R9 "${kind}"
  ${EndIf}
!macroend

; Removes what is of kind $R5 from the data folder, and the folder when nothing is left in it.
Function un.RemoveData
  FindFirst $R7 $R8 "$Data\*"
  ${DoWhile} $R8 != ""
    ${If} $R8 != "."
    ${AndIf} $R8 != ".."
      StrCpy $R9 "settings"
      !insertmacro ForEachKind KindOf
      ${If} $R9 == $R5
        StrCpy $R6 "$Data\$R8"
        Call un.RemovePath
      ${EndIf}
    ${EndIf}
    FindNext $R7 $R8
  ${Loop}
  FindClose $R7
  RMDir "$Data"
FunctionEnd

; Removes $R6. What a link stands for stays: somebody may have moved the models to another drive that way.
Function un.RemovePath
  StrCpy $4 "\\?\$R6"
  Call un.RemoveName
FunctionEnd

; Removes $4, a path that begins with \\?\ so that it may be longer than 260 characters, as some in the engine are.
Function un.RemoveName
  System::Call 'kernel32::GetFileAttributesW(w r4) i.r3'
  ${If} $3 = -1
    Return
  ${EndIf}
  IntOp $5 $3 & ${FILE_ATTRIBUTE_DIRECTORY}
  IntOp $6 $3 & ${FILE_ATTRIBUTE_REPARSE_POINT}
  ${If} $5 = 0
    System::Call 'kernel32::SetFileAttributesW(w r4, i ${FILE_ATTRIBUTE_NORMAL})'
    System::Call 'kernel32::DeleteFileW(w r4)'
    Return
  ${EndIf}
  ${If} $6 = 0
    Push $4
    Call un.RemoveContents
  ${EndIf}
  System::Call 'kernel32::RemoveDirectoryW(w r4)'
FunctionEnd

; Removes what lies in the folder on the stack; calls itself.
Function un.RemoveContents
  Exch $0
  Push $1
  Push $2
  FindFirst $1 $2 "$0\*"
  ${DoWhile} $2 != ""
    ${If} $2 != "."
    ${AndIf} $2 != ".."
      StrCpy $4 "$0\$2"
      Call un.RemoveName
    ${EndIf}
    FindNext $1 $2
  ${Loop}
  FindClose $1
  StrCpy $4 $0
  Pop $2
  Pop $1
  Pop $0
FunctionEnd

!macro ShowSize section path
  ${If} ${FileExists} "${path}\*"
    ${GetSize} "${path}" "/S=0K" $0 $1 $2
    SectionSetSize ${section} $0
  ${EndIf}
!macroend

Function un.onInit
  SetRegView 64
  !insertmacro OneSetupAtATime
  StrCpy $Data "$LOCALAPPDATA\${APP_NAME}"
  ${GetParameters} $R0
  ClearErrors
  ${GetOptions} $R0 "/PURGE" $R1
  ${IfNot} ${Errors}
    !insertmacro SelectSection ${SectionEngine}
    !insertmacro SelectSection ${SectionModels}
    !insertmacro SelectSection ${SectionSettings}
  ${EndIf}
  ClearErrors
  ${GetOptions} $R0 "/VIDEOS" $R1
  ${IfNot} ${Errors}
    !insertmacro SelectSection ${SectionVideos}
  ${EndIf}
  ${IfNot} ${Silent}
    !insertmacro ShowSize ${SectionEngine} "$Data\rt"
    !insertmacro ShowSize ${SectionModels} "$Data\models"
    !insertmacro ShowSize ${SectionVideos} "$VIDEOS\${APP_NAME}"
  ${EndIf}
FunctionEnd
